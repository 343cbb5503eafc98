package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDashboardsHaveWhatTheyNeed(t *testing.T) {
	for _, f := range readFiles(t) {
		if f.Title == "" || f.Description == "" || f.Refresh != "30s" || f.GraphTooltip != 1 || f.SchemaVersion != schemaVersion {
			t.Errorf("%s: title %q, description %q, refresh %q, tooltip %d, schema %d",
				f.UID, f.Title, f.Description, f.Refresh, f.GraphTooltip, f.SchemaVersion)
		}
		if f.Timezone != nil {
			t.Errorf("%s: pins the timezone to %q", f.UID, *f.Timezone)
		}
		if !slices.Contains(f.Tags, "chorus") || len(f.Links) != 1 || !slices.Equal(f.Links[0].Tags, f.Tags) {
			t.Errorf("%s: tags %v, links %v: the others are not found by their tag", f.UID, f.Tags, f.Links)
		}
		var names []string
		for _, v := range f.Templating.List {
			names = append(names, v.Name)
			if v.Type == "query" && v.IncludeAll && (!v.Multi || v.AllValue != ".*") {
				t.Errorf("%s: variable %s: all is %q, which drops series without that label", f.UID, v.Name, v.AllValue)
			}
		}
		if names[0] != "datasource" || !slices.Contains(names, "cluster") {
			t.Errorf("%s: variables %v", f.UID, names)
		}
		var marks []string
		for _, n := range f.Annotations.List {
			if n.BuiltIn == 0 {
				marks = append(marks, n.Name)
				if n.Expr == "" || n.Expr != n.Target.Expr || !n.Enable {
					t.Errorf("%s: annotation %s: %q and %q", f.UID, n.Name, n.Expr, n.Target.Expr)
				}
			}
		}
		if want := []string{"Status changed", "Configuration loaded", "Process started"}; !slices.Equal(marks, want) {
			t.Errorf("%s: annotations %v, want %v", f.UID, marks, want)
		}
	}
}

// Units that Grafana has.
var grafanaUnits = []string{"short", "none", "s", "bytes", "percentunit", "cpm", "string"}

func TestPanelsHaveWhatTheyNeed(t *testing.T) {
	for _, f := range readFiles(t) {
		for _, p := range f.Panels {
			if p.Type == "row" {
				if p.Title == "" {
					t.Errorf("%s: row %d has no title", f.UID, p.ID)
				}
				continue
			}
			fault := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s, panel %q: "+format, append([]any{f.UID, p.Title}, args...)...)
			}
			if p.Title == "" || len(p.Description) < 40 || !strings.Contains(p.Description, "- `") {
				fault("its description is %q", p.Description)
			}
			if !slices.Contains(grafanaUnits, p.FieldConfig.Defaults.Unit) {
				fault("its unit is %q", p.FieldConfig.Defaults.Unit)
			}
			if p.Datasource.Type != "prometheus" || p.Datasource.UID != "${datasource}" {
				fault("its data source is %v", p.Datasource)
			}
			steps := p.FieldConfig.Defaults.Thresholds.Steps
			if len(steps) == 0 || steps[0].Value != nil {
				fault("its thresholds are %v", steps)
			}
			for i := 2; i < len(steps); i++ {
				if *steps[i].Value <= *steps[i-1].Value {
					fault("its thresholds do not ascend")
				}
			}
			// Colour is never alone: every value has a word, or the description says what the colours of the number mean.
			if len(steps) > 1 && len(p.FieldConfig.Defaults.Mappings) < 2 && !strings.Contains(p.Description, "Colours: ") {
				fault("its colours mean nothing")
			}
			if len(p.Targets) == 0 {
				fault("it has no query")
			}
			for i, q := range p.Targets {
				if q.RefID != refID(i) || q.Datasource.UID != "${datasource}" || q.Instant == q.Range {
					fault("query %d is %+v", i, q)
				}
			}
		}
	}
}

func TestLayout(t *testing.T) {
	for _, f := range readFiles(t) {
		ids, titles := map[int]bool{}, map[string]bool{}
		taken := map[[2]int]string{}
		for _, p := range f.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels have the id %d", f.UID, p.ID)
			}
			ids[p.ID] = true
			if titles[p.Title] {
				t.Errorf("%s: two panels or rows have the title %q", f.UID, p.Title)
			}
			titles[p.Title] = true
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
				t.Errorf("%s, panel %q: it is at %+v of 24 columns", f.UID, p.Title, g)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok {
						t.Fatalf("%s: panels %q and %q overlap", f.UID, other, p.Title)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
		// What matters is seen without scrolling: the first row is of numbers, and what fails is under it.
		if f.Panels[0].Type != "row" || f.Panels[1].Type != "stat" || f.Panels[1].GridPos.Y != 1 {
			t.Errorf("%s begins with %q and %q", f.UID, f.Panels[0].Title, f.Panels[1].Title)
		}
	}
}

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

// Links lead to dashboards that exist and variables that these have, and name fields that the panel has.
func TestLinks(t *testing.T) {
	files := readFiles(t)
	variables := map[string][]string{}
	for _, f := range files {
		if _, ok := variables[f.UID]; ok {
			t.Fatalf("two dashboards have the uid %s", f.UID)
		}
		for _, v := range f.Templating.List {
			variables[f.UID] = append(variables[f.UID], v.Name)
		}
	}
	count := 0
	for _, f := range files {
		for _, p := range f.Panels {
			for _, l := range p.links(t) {
				count++
				if path, ok := strings.CutPrefix(l.URL, "/d/"); ok {
					uid, query, _ := strings.Cut(path, "?")
					if variables[uid] == nil {
						t.Errorf("%s, panel %q: link to the dashboard %q, which does not exist", f.UID, p.Title, uid)
					}
					for _, m := range regexp.MustCompile(`var-(\w+)=`).FindAllStringSubmatch(query, -1) {
						if !slices.Contains(variables[uid], m[1]) {
							t.Errorf("%s, panel %q: link sets %s, which %s does not have", f.UID, p.Title, m[1], uid)
						}
					}
				} else if !strings.HasPrefix(l.URL, "${scheme}://") {
					t.Errorf("%s, panel %q: link to %s", f.UID, p.Title, l.URL)
				}
				for _, m := range placeholder.FindAllStringSubmatch(l.URL, -1) {
					if !known(m[1], p, variables[f.UID]) {
						t.Errorf("%s, panel %q: link with %s, which is neither a field nor a variable there", f.UID, p.Title, m[0])
					}
				}
			}
		}
	}
	if count == 0 {
		t.Error("there is no link at all")
	}
}

// known says whether a placeholder of a link stands for something.
func known(name string, p filePanel, variables []string) bool {
	if name == "__url_time_range" || slices.Contains(variables, name) {
		return true
	}
	if title, ok := strings.CutPrefix(name, "__data.fields."); ok {
		for _, tr := range p.Transformations {
			for _, to := range tr.Options.RenameByName {
				if to == title {
					return true
				}
			}
		}
	}
	if label, ok := strings.CutPrefix(name, "__field.labels."); ok {
		for _, q := range p.Targets {
			if slices.Contains(labelsOf(q.Expr), label) {
				return true
			}
		}
	}
	return false
}
