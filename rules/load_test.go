package rules

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares got with a file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// fixture is a small set of files in the shape of the shipped ones.
func fixture() fs.FS { return os.DirFS("testdata/shipped") }

// outline is a set as text: groups with their rules, checks, and what is off.
func outline(s *Set) string {
	var b strings.Builder
	for _, g := range s.Groups() {
		fmt.Fprintf(&b, "group %s of %s\n", g.Name, g.File)
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "  %d:%d %s%s %s\n    %s\n", r.Line, r.Column, r.Record, r.Alert, r.Labels, r.Expr)
		}
	}
	for _, c := range s.Checks() {
		fmt.Fprintf(&b, "check %+v\n", c)
	}
	for _, c := range s.Disabled() {
		fmt.Fprintf(&b, "off %+v\n", c)
	}
	for _, w := range s.Warnings() {
		fmt.Fprintf(&b, "warning %v\n", w)
	}
	fmt.Fprintf(&b, "retention %s\n", s.Retention())
	return b.String()
}

func TestLoad(t *testing.T) {
	own := func(names ...string) []string {
		for i, n := range names {
			names[i] = "testdata/own/" + n
		}
		return names
	}
	for _, c := range []struct {
		name    string
		options Options
	}{
		{"nothing-configured", Options{Actions: []string{"shutdown"}}},
		{"component", Options{Components: []string{"resources", "other"}}},
		{"enabled", Options{Components: []string{"resources"}, Enabled: []string{"disk", "fleet", "cpu"}}},
		{"enabled-elsewhere", Options{Components: []string{"pubsub"}, Enabled: []string{"disk"}}},
		{"disabled-group", Options{Components: []string{"resources"}, Disabled: []string{"cpu"}}},
		{"disabled-optional", Options{Components: []string{"resources"}, Enabled: []string{"disk"}, Disabled: []string{"disk"}}},
		{"disabled-probe", Options{Components: []string{"pubsub"}, Probes: []string{"pubsub-active"}, Disabled: []string{"pubsub-active"}}},
		{"disabled-own", Options{Own: own("derive.rules.yml"), Disabled: []string{"queue"}}},
		{"replaced", Options{Components: []string{"resources"}, Own: own("resources.rules.yml")}},
		{"replaced-unconfigured", Options{Own: own("resources.rules.yml")}},
		{"own", Options{Components: []string{"resources"}, Own: own("own.rules.yml", "action.rules.yml")}},
		{"derive", Options{Probes: []string{"db"}, Own: own("derive.rules.yml")}},
		{"warnings", Options{Own: own("warnings.rules.yml")}},
		{"target-fine", Options{Own: own("target-fine.rules.yml")}},
		{"template", Options{Own: own("template.rules.yml")}},
		{"template-forms", Options{Own: own("template-forms.rules.yml")}},
		{"holds", Options{Own: own("holds.rules.yml")}},
		{"timing", Options{Components: []string{"resources"}, Checks: map[string]CheckTiming{
			"cpu": {Interval: time.Minute}, "disk": {Timeout: time.Second}, "a-probe": {Interval: time.Hour},
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Actions = []string{"shutdown"}
			s, err := load(fixture(), c.options)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/load/"+c.name+".golden", outline(s))
		})
	}
}

func TestFaults(t *testing.T) {
	files, err := fs.Glob(os.DirFS("testdata/faults"), "*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	options := map[string]Options{
		"measured-option": {Measured: func(name string) bool { return name == "go_goroutines" }},
		"no-action":       {Actions: []string{}},
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(name, suffix), func(t *testing.T) {
			o := options[strings.TrimSuffix(name, suffix)]
			o.Own = []string{"testdata/faults/" + name}
			o.Components = []string{"resources"}
			o.Probes = []string{"db"}
			if o.Actions == nil {
				o.Actions = []string{"shutdown", "notify"}
			}
			set, err := load(fixture(), o)
			if err == nil {
				t.Fatal("loaded")
			}
			if set != nil {
				t.Error("a faulty load returned a set")
			}
			golden(t, strings.TrimSuffix(o.Own[0], ".yml")+".golden", err.Error()+"\n")
		})
	}
}

// All faults of all files come at once, in evaluation order, in one error that can be taken apart.
func TestFaultsOfSeveralFiles(t *testing.T) {
	_, err := load(fixture(), Options{
		Components: []string{"resources"}, Disabled: []string{"cpus"}, Enabled: []string{"dsk"},
		Actions: []string{"shutdown"},
		Own: []string{
			"testdata/faults/severity.rules.yml", "testdata/faults/measured.rules.yml",
			"testdata/missing.rules.yml", "testdata/faults", "testdata/faults/measured.rules.yml",
		},
	})
	golden(t, "testdata/load/several.golden", err.Error()+"\n")
	faults := Faults(err)
	if got, want := len(faults), strings.Count(err.Error(), "\n")+1; got != want {
		t.Errorf("%d faults in an error of %d lines", got, want)
	}
	if faults[0].File == "" || faults[len(faults)-1].Msg == "" {
		t.Errorf("faults without file or message: %+v", faults)
	}
	if Faults(errors.New("another")) != nil {
		t.Error("faults from another error")
	}
}

// A file that is no YAML, a template that is none and a label that may not be are named together.
func TestFaultsOfAllKinds(t *testing.T) {
	_, err := load(fixture(), Options{Actions: []string{"shutdown"}, Own: []string{
		"testdata/faults/yaml.rules.yml", "testdata/kinds/template.rules.yml", "testdata/kinds/label.rules.yml",
		"testdata/kinds/target.rules.yml",
	}})
	golden(t, "testdata/load/kinds.golden", err.Error()+"\n")
	named := map[string]bool{}
	for _, f := range Faults(err) {
		named[f.File] = true
	}
	if len(named) != 4 {
		t.Errorf("faults name %d files, want 4: %v", len(named), named)
	}
}

// A series that shipped rules read is looked for, whatever its name.
func TestTargetLabelReadByShippedRules(t *testing.T) {
	components, optional := shipped(t)
	own := filepath.Join(t.TempDir(), "own.rules.yml")
	body := `groups: [{name: own, rules: [{record: "health:shutdown_cause", expr: "label_replace(x, 'job', 'a', '', '')"}]}]`
	if err := os.WriteFile(own, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{Components: components, Enabled: optional, Own: []string{own}, Actions: []string{"shutdown"}})
	if err == nil || !strings.Contains(err.Error(), "sets the label job with label_replace, and the shipped") {
		t.Errorf("error is %v", err)
	}
}

func TestUnknownNames(t *testing.T) {
	_, err := load(fixture(), Options{Disabled: []string{"cpus", "zzzzzzzz"}, Enabled: []string{"dsk"}, Actions: []string{"shutdown"}})
	golden(t, "testdata/load/unknown-names.golden", err.Error()+"\n")
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	big := dir + "/big.rules.yml"
	if err := os.WriteFile(big, []byte("# "+strings.Repeat("x", maxFileBytes)), 0o644); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("groups:\n- name: many\n  rules:\n")
	for range maxRules + 1 {
		b.WriteString("  - {record: own, expr: b}\n")
	}
	many := dir + "/many.rules.yml"
	if err := os.WriteFile(many, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := load(fixture(), Options{Own: []string{big, many}, Actions: []string{"shutdown"}})
	got := strings.ReplaceAll(err.Error(), dir, "DIR")
	want := "DIR/big.rules.yml: read rules: larger than 1048576 bytes: split the file\n" +
		"DIR/many.rules.yml: more than 10000 rules in total: load fewer rules"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMetrics(t *testing.T) {
	s, err := load(fixture(), Options{Components: []string{"resources"}, Actions: []string{"shutdown"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"chorus_resource_cpu_utilization_ratio": {
			"resources.rules.yml:7", "resources.rules.yml:10", "resources.rules.yml:19", "resources.rules.yml:22",
		},
		"chorus_resource_threshold_ratio": {"resources.rules.yml:4", "resources.rules.yml:10"},
	}
	if diff := cmp.Diff(want, s.Metrics()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	got := s.Unexposed(func(name string) bool { return name == "chorus_resource_threshold_ratio" })
	if diff := cmp.Diff([]string{
		"resources.rules.yml:7: reads chorus_resource_cpu_utilization_ratio, but nothing here exposes that metric",
	}, got); diff != "" {
		t.Errorf("unexposed (-want +got):\n%s", diff)
	}
}
