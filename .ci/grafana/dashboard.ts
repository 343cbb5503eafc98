// What our dashboards may hold, made of the types that Grafana publishes: those of the dashboard, and of each kind of panel
// its options and fields. The published type of a panel leaves options, custom fields, queries and overrides open; here they
// are closed, so that a misspelt name is an error. check.mjs makes a JSON schema of it.
import type * as common from '@grafana/schema';
import type * as dashboard from '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as graph from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Replace<T, With> = Omit<T, keyof With> & With;
type None = Record<string, never>;

interface DataLink { title: string; url: string; targetBlank: boolean }

// Prometheus' query is not in the package: it is part of the data source, packages/grafana-prometheus.
interface Query extends Replace<common.DataQuery, { datasource: dashboard.DataSourceRef }> {
  expr: string;
  instant: boolean;
  range: boolean;
  editorMode: 'code' | 'builder';
  format: 'time_series' | 'table' | 'heatmap';
  legendFormat?: string;
}

type Property =
  | { id: 'unit'; value: string }
  | { id: 'decimals'; value: number }
  | { id: 'links'; value: DataLink[] }
  | { id: 'mappings'; value: dashboard.ValueMapping[] }
  | { id: 'thresholds'; value: dashboard.ThresholdsConfig }
  | { id: 'color'; value: dashboard.FieldColor }
  | { id: 'custom.width'; value: number }
  | { id: 'custom.cellOptions'; value: common.TableCellOptions }
  | { id: 'custom.lineStyle'; value: common.LineStyle }
  | { id: 'custom.fillOpacity'; value: number }
  | { id: 'custom.stacking'; value: common.StackingConfig };

interface Override {
  matcher: { id: 'byName' | 'byFrameRefID'; options: string };
  properties: Property[];
}

type Transformation =
  | { id: 'merge'; options: None }
  | {
      id: 'organize';
      options: {
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
        excludeByName: Record<string, boolean>;
      };
    };

type Drawn<Type extends string, Options, Custom> = Replace<
  dashboard.Panel,
  {
    type: Type;
    id: number;
    title: string;
    description: string;
    gridPos: dashboard.GridPos;
    datasource: dashboard.DataSourceRef;
    options: Options;
    targets: Query[];
    transformations?: Transformation[];
    fieldConfig: {
      defaults: Replace<dashboard.FieldConfig, { custom: Custom; links: DataLink[]; unit: string; thresholds: dashboard.ThresholdsConfig }>;
      overrides: Override[];
    };
  }
>;

export type StatPanel = Drawn<'stat', stat.Options, None>;
export type TimeseriesPanel = Drawn<'timeseries', graph.Options, graph.FieldConfig>;
export type StateTimelinePanel = Drawn<'state-timeline', timeline.Options, timeline.FieldConfig>;
export type TablePanel = Drawn<'table', table.Options, table.FieldConfig>;
export type HeatmapPanel = Drawn<'heatmap', heatmap.Options, heatmap.FieldConfig>;

// As a Prometheus data source reads it. expr and step are what it read before there was a target.
type Annotation = Replace<
  dashboard.AnnotationQuery,
  {
    target?: { refId: string; expr: string; interval: string };
    expr?: string;
    step?: string;
    titleFormat?: string;
    textFormat?: string;
    tagKeys?: string;
    useValueForTime?: boolean;
  }
>;

export type Dashboard = Replace<
  dashboard.Dashboard,
  {
    uid: string;
    title: string;
    description: string;
    panels: Array<dashboard.RowPanel | StatPanel | TimeseriesPanel | StateTimelinePanel | TablePanel | HeatmapPanel>;
    templating: { list: dashboard.VariableModel[] };
    annotations: { list: Annotation[] };
  }
>;
