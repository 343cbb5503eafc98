package main

import (
	"bytes"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"chorus/rules"
)

// metricNotes is testdata/docs/metrics.yml.
type metricNotes struct {
	Families []metricFamily       `yaml:"families"`
	Labels   map[string]labelNote `yaml:"labels"`
}

type metricFamily struct {
	Prefix  string   `yaml:"prefix"`
	By      []string `yaml:"by"`
	Library bool     `yaml:"library"`
	When    string   `yaml:"when"`
}

type labelNote struct {
	Text   string `yaml:"text"`
	Closed bool   `yaml:"closed"`
}

// metricDoc is a metric, and labelDoc a label, as docs/metrics.md has it.
type (
	metricDoc struct{ Name, Type, Unit, Labels, Help, By, When string }
	labelDoc  struct {
		labelNote
		Name string
	}
)

// Every metric stands in the reference: what names.yml says of it, the labels with which it is exposed, and who writes
// it when. What is measured has its name in the package that is said to write it.
func TestReferenceOfMetrics(t *testing.T) {
	notes := readNotes(t)
	seen, late := exposedMetrics(t)
	seen.addAlerts(t)
	recorders := recorders(t)
	var data struct {
		Metrics []metricDoc
		Labels  []labelDoc
	}
	used := map[string]bool{}
	for _, n := range rules.Names() {
		f, ok := notes.family(n.Name)
		if !ok {
			t.Errorf("no prefix in testdata/docs/metrics.yml fits %s; say there who writes it and when it exists", n.Name)
		}
		if late[n.Name] {
			f.When += ", from the first value on"
		}
		labels, ok := seen[n.Name]
		if !ok {
			t.Errorf("the labels of %s are unknown: it is in no golden file of /metrics, and no collector describes it", n.Name)
		}
		if all := slices.Sorted(maps.Keys(labels)); ok && n.Labels != nil && !slices.Equal(all, n.Labels) {
			t.Errorf("names.yml says that %s has the labels %v, it has %v", n.Name, n.Labels, all)
		}
		for label := range labels {
			used[label] = true
			if notes.Labels[label].Text == "" {
				t.Errorf("testdata/docs/metrics.yml does not say what the label %s of %s holds", label, n.Name)
			}
		}
		data.Metrics = append(data.Metrics, metricDoc{
			Name: n.Name, Type: n.Type, Unit: n.Unit, Help: n.Help, When: f.When,
			Labels: notes.show(labels), By: writers(t, n, f, recorders[n.Name]),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(notes.Labels)) {
		if !used[name] {
			t.Errorf("testdata/docs/metrics.yml has the label %s, which no metric has; remove it", name)
		}
		data.Labels = append(data.Labels, labelDoc{notes.Labels[name], name})
	}
	reference(t, "metrics.md", data)
}

func readNotes(t *testing.T) (notes metricNotes) {
	t.Helper()
	body, err := os.ReadFile("testdata/docs/metrics.yml")
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(body))
	d.KnownFields(true)
	if err := d.Decode(&notes); err != nil {
		t.Fatal(err)
	}
	return notes
}

// family is the one with the longest prefix of name.
func (n metricNotes) family(name string) (best metricFamily, ok bool) {
	for _, f := range n.Families {
		if strings.HasPrefix(name, f.Prefix) && len(f.Prefix) > len(best.Prefix) {
			best, ok = f, true
		}
	}
	return best, ok
}

// show lists labels, with the values of those that have no others.
func (n metricNotes) show(labels map[string][]string) string {
	var out []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		text := "`" + label + "`"
		if values := slices.Sorted(slices.Values(labels[label])); n.Labels[label].Closed && len(values) > 0 {
			text += ": `" + strings.Join(values, " ") + "`"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, "; ")
}

// recorders are the files with rules that record a name, by that name.
func recorders(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, f := range ruleFiles(t, "rules/*.rules.yml", "rules/optional/*.rules.yml") {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				if base := path.Base(f.Path); r.Record != "" && !slices.Contains(out[r.Record], base) {
					out[r.Record] = append(out[r.Record], base)
				}
			}
		}
	}
	return out
}

// writers say who measures a metric and which rules record it.
func writers(t *testing.T, n rules.Name, f metricFamily, files []string) string {
	t.Helper()
	var out []string
	if n.Source != rules.SourceRecorded {
		out = append(out, "measured: `"+strings.Join(f.By, "`, `")+"`")
		for _, pkg := range f.By {
			if !f.Library && !holdsName(t, pkg, n.Name) {
				t.Errorf("testdata/docs/metrics.yml says that %s measures %s, but no file of the package holds the name", pkg, n.Name)
			}
		}
	}
	if n.Source != rules.SourceMeasured {
		out = append(out, "recorded: `"+strings.Join(files, "`, `")+"`")
		if len(files) == 0 {
			t.Errorf("names.yml says that rules record %s, but no shipped file does", n.Name)
		}
	}
	return strings.Join(out, "; ")
}

// holdsName says whether a package has the name in its code, or the end of it after a prefix that is put before.
func holdsName(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for end := name; ; {
			if strings.Contains(string(body), `"`+end+`"`) {
				return true
			}
			_, after, more := strings.Cut(end, "_")
			if !more {
				break
			}
			end = after
		}
	}
	return false
}

// addAlerts takes note of the labels that shipped alerts bring into chorus_health_alert, the only name that has the
// labels of alerts.
func (e exposed) addAlerts(t *testing.T) {
	t.Helper()
	const name = "chorus_health_alert"
	e.add(name, "alertname", "")
	for _, label := range []string{"check_name", "component"} { // also where the expression brings them
		e.add(name, label, "")
	}
	for _, f := range ruleFiles(t, "rules/*.rules.yml", "rules/optional/*.rules.yml") {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				for label, value := range r.Labels {
					if r.Alert != "" && !strings.Contains(value, "{{") {
						e.add(name, label, value)
					}
				}
			}
		}
	}
}
