package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Every expression parses, reads metrics that exist as what they are, and selects by the variables of its dashboard.
func TestExpressions(t *testing.T) {
	names := readNames(t)
	fill := values{cluster: "c", instance: "i", check: "n", rateInterval: "5m", interval: "15s", span: "1h"}
	for _, f := range readFiles(t) {
		exprs := map[string]string{}
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				exprs[p.Title+" "+q.RefID] = q.Expr
			}
		}
		for _, n := range f.Annotations.List {
			if n.BuiltIn == 0 {
				exprs[n.Name] = n.Expr
			}
		}
		for where, text := range exprs {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(fill.fill(text))
			if err != nil {
				t.Errorf("%s, %s: %v in %s", f.UID, where, err, text)
				continue
			}
			checkSelectors(t, f.UID+", "+where, expr, names, f.Templating.List)
		}
	}
}

func checkSelectors(t *testing.T, where string, expr parser.Expr, names *catalog, variables []fileVariable) {
	t.Helper()
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		_, known, ok := names.find(selector.Name)
		if !ok {
			t.Errorf("%s: %q is exposed and recorded nowhere", where, selector.Name)
		}
		for _, above := range path {
			if call, ok := above.(*parser.Call); ok && slices.Contains([]string{"rate", "increase"}, call.Func.Name) && known.kind == "gauge" {
				t.Errorf("%s: %s of the gauge %s", where, call.Func.Name, selector.Name)
			}
		}
		for _, v := range variables {
			want := map[string]string{"cluster": "c", "instance": "i"}[v.Name]
			if want != "" && !slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Name == v.Name && m.Value == want && (m.Type == labels.MatchRegexp || m.Type == labels.MatchEqual && !v.Multi)
			}) {
				t.Errorf("%s: %s does not select by $%s", where, selector, v.Name)
			}
		}
		return nil
	})
}

// A counter is read through rate or increase: its plain value says nothing.
func TestCountersAreRated(t *testing.T) {
	plain := regexp.MustCompile(`(\w*)\(?(chorus_\w+_total)\{`)
	for _, f := range readFiles(t) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				for _, m := range plain.FindAllStringSubmatch(q.Expr, -1) {
					if m[1] != "rate" && m[1] != "increase" {
						t.Errorf("%s, panel %q: the counter %s as it stands", f.UID, p.Title, m[2])
					}
				}
			}
		}
	}
}

var byLabels = regexp.MustCompile(`\b(?:group|sum|min|max|count) by \(([^)]*)\)`)

// labelsOf are the labels that an answer has: those of the outermost aggregation, which is the first.
func labelsOf(expr string) []string {
	m := byLabels.FindStringSubmatch(expr)
	if m == nil {
		return nil
	}
	return strings.Split(m[1], ", ")
}

// A legend names labels that the answer has, and tells apart what would be drawn alike.
func TestLegends(t *testing.T) {
	label := regexp.MustCompile(`\{\{(\w+)\}\}`)
	for _, f := range readFiles(t) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				for _, m := range label.FindAllStringSubmatch(q.LegendFormat, -1) {
					recorded := strings.HasPrefix(q.Expr, "label_replace(cluster")
					if !slices.Contains(labelsOf(q.Expr), m[1]) && !recorded {
						t.Errorf("%s, panel %q: the legend %q of %s", f.UID, p.Title, q.LegendFormat, q.Expr)
					}
				}
				if p.Type == "timeseries" && q.LegendFormat == "" {
					t.Errorf("%s, panel %q: query %s has no legend", f.UID, p.Title, q.RefID)
				}
			}
		}
	}
}

// Every field of a table has a column with a title, or is left out on purpose.
func TestColumns(t *testing.T) {
	count := 0
	for _, f := range readFiles(t) {
		for _, p := range f.Panels {
			if p.Type != "table" {
				continue
			}
			count++
			if len(p.Transformations) != 2 {
				t.Fatalf("%s, panel %q: %d transformations", f.UID, p.Title, len(p.Transformations))
			}
			o := p.Transformations[1].Options
			fields := map[string]bool{"Time": true}
			for _, q := range p.Targets {
				for _, l := range labelsOf(q.Expr) {
					fields[l] = true
				}
				fields["Value #"+q.RefID] = true
			}
			for field := range fields {
				if o.RenameByName[field] == "" && !o.ExcludeByName[field] {
					t.Errorf("%s, panel %q: the field %s has no column", f.UID, p.Title, field)
				}
			}
			for field, title := range o.RenameByName {
				if !fields[field] && field != "Value" {
					t.Errorf("%s, panel %q: the column %q is of %s, which no query returns", f.UID, p.Title, title, field)
				}
			}
		}
	}
	if count == 0 {
		t.Error("there is no table")
	}
}

// What is said of metrics that are not ours is what their collectors say.
func TestForeign(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]metric{}
	for _, f := range families {
		found[f.GetName()] = metric{strings.ToLower(f.GetType().String()), f.GetHelp()}
	}
	for name, want := range foreign {
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			continue // of Prometheus itself
		}
		if got := found[name]; got != want {
			t.Errorf("%s is %q, and not %q", name, got, want)
		}
	}
}
