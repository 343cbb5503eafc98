// Checks dashboards, the files that are its arguments, against dashboard.ts. And it checks itself: copies of them with a
// misspelt field, a wrong word or a wrong type must be refused, or else what passes means nothing.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

const here = new URL('.', import.meta.url).pathname;
const kinds = {
  stat: 'StatPanel', timeseries: 'TimeseriesPanel', 'state-timeline': 'StateTimelinePanel', table: 'TablePanel', heatmap: 'HeatmapPanel',
};

// Nothing is exposed: the packages have several types named Options.
const generator = createGenerator({
  path: `${here}dashboard.ts`, tsconfig: `${here}tsconfig.json`, type: 'Dashboard', expose: 'none', additionalProperties: false,
});
const ajv = new Ajv({ allErrors: true, strict: false });
const compiled = {};
const compile = (name) => (compiled[name] ??= ajv.compile(generator.createSchema(name)));
const whole = compile('Dashboard');

function fail(message) {
  console.error(`check-dashboards: ${message}`);
  process.exit(1);
}

// faults are those of the panels by their own kind, where the panel is known: of a union one would read all branches.
function faults(document) {
  if (whole(document)) return [];
  const texts = (errors, at) => errors.map((e) => `${at}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`);
  const found = texts(whole.errors.filter((e) => !e.instancePath.startsWith('/panels/')), '');
  for (const panel of document.panels ?? []) {
    const kind = kinds[panel.type];
    if (!kind) {
      if (panel.type !== 'row') found.push(`panel ${panel.id}: no type ${panel.type}`);
      continue;
    }
    const check = compile(kind);
    if (!check(panel)) found.push(...texts(check.errors, `panel ${panel.id} "${panel.title}" `));
  }
  return found.length ? found : texts(whole.errors, '');
}

const files = process.argv.slice(2);
if (files.length === 0) fail('no file given');
const documents = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
let bad = 0;
documents.forEach((document, i) => {
  for (const fault of faults(document)) {
    console.error(`${files[i]}: ${fault}`);
    bad++;
  }
});
if (bad) process.exit(1);

// Each breaks one thing of a panel of that type, or of the dashboard.
const rename = (object, from, to) => {
  object[to] = object[from];
  delete object[from];
};
const breaks = [
  ['', 'misspelt field of the dashboard', (d) => rename(d, 'refresh', 'refesh')],
  ['', 'unknown cursor', (d) => { d.graphTooltip = 3; }],
  ['', 'no schema version', (d) => { delete d.schemaVersion; }],
  ['', 'misspelt field of a variable', (d) => rename(d.templating.list[0], 'label', 'lable')],
  ['', 'unknown type of a variable', (d) => { d.templating.list[0].type = 'datasrouce'; }],
  ['', 'misspelt field of an annotation', (d) => rename(d.annotations.list[1], 'titleFormat', 'titelFormat')],
  ['', 'unknown type of a link', (d) => { d.links[0].type = 'dashboard'; }],
  ['', 'unknown type of a panel', (d) => { d.panels[1].type = 'graph'; }],
  ['stat', 'misspelt field', (p) => rename(p, 'description', 'desciption')],
  ['stat', 'misspelt option', (p) => rename(p.options, 'colorMode', 'colourMode')],
  ['stat', 'unknown mode of colour', (p) => { p.options.colorMode = 'foreground'; }],
  ['stat', 'misspelt field of a query', (p) => rename(p.targets[0], 'expr', 'expression')],
  ['stat', 'unknown mode of thresholds', (p) => { p.fieldConfig.defaults.thresholds.mode = 'relative'; }],
  ['stat', 'number as a title', (p) => { p.title = 1; }],
  ['timeseries', 'misspelt custom field', (p) => rename(p.fieldConfig.defaults.custom, 'drawStyle', 'drawstyle')],
  ['timeseries', 'unknown style', (p) => { p.fieldConfig.defaults.custom.drawStyle = 'area'; }],
  ['timeseries', 'unknown place of the legend', (p) => { p.options.legend.placement = 'left'; }],
  ['timeseries', 'unknown mode of the colour', (p) => { p.fieldConfig.defaults.color.mode = 'palette'; }],
  ['state-timeline', 'misspelt option', (p) => rename(p.options, 'rowHeight', 'rowheight')],
  ['state-timeline', 'unknown alignment', (p) => { p.options.alignValue = 'middle'; }],
  ['state-timeline', 'unknown kind of mapping', (p) => { p.fieldConfig.defaults.mappings[0].type = 'values'; }],
  ['table', 'misspelt transformation', (p) => { p.transformations[0].id = 'merg'; }],
  ['table', 'unknown property of an override', (p) => { p.fieldConfig.overrides[0].properties.push({ id: 'units', value: 's' }); }],
  ['table', 'unknown kind of cell', (p) => { p.fieldConfig.defaults.custom.cellOptions.type = 'colour'; }],
  ['table', 'no header', (p) => { delete p.options.showHeader; }],
  ['heatmap', 'unknown scale', (p) => { p.options.color.scale = 'log'; }],
  ['heatmap', 'misspelt option', (p) => rename(p.options, 'cellGap', 'cellgap')],
];
for (const [type, what, change] of breaks) {
  const document = structuredClone(documents.find((d) => !type || d.panels.some((p) => p.type === type)) ?? fail(`no panel of type ${type}`));
  change(type ? document.panels.find((p) => p.type === type) : document);
  if (faults(document).length === 0) fail(`the check is worth nothing: it let pass: ${type} ${what}`);
}
console.log(`check-dashboards: ${files.length} files pass, ${breaks.length} broken copies of them do not`);
