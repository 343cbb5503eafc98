package evaluator

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"chorus/evaluator/engine"
	"chorus/rules"
)

// ruleTestFile is a test file as promtool reads it, as far as our files use it; any other key is an error.
type ruleTestFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	Tests              []ruleTest     `yaml:"tests"`
}

type ruleTest struct {
	Name        string         `yaml:"name"`
	Interval    model.Duration `yaml:"interval"`
	InputSeries []struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	AlertRuleTest []struct {
		EvalTime  model.Duration `yaml:"eval_time"`
		Alertname string         `yaml:"alertname"`
		ExpAlerts []struct {
			Labels      map[string]string `yaml:"exp_labels"`
			Annotations map[string]string `yaml:"exp_annotations"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
	PromqlExprTest []struct {
		Expr       string         `yaml:"expr"`
		EvalTime   model.Duration `yaml:"eval_time"`
		ExpSamples []struct {
			Labels string  `yaml:"labels"`
			Value  float64 `yaml:"value"`
		} `yaml:"exp_samples"`
	} `yaml:"promql_expr_test"`
}

// TestRuleFiles runs every test file of the shipped rules, of a server's and of the examples on this evaluator. A server's
// are never loaded by it, but they bring clusters, restarts and windows that the exporter's own lack. promtool runs the same
// files: that the two agree is the proof that groups, alerts and templates here are Prometheus'.
func TestRuleFiles(t *testing.T) {
	var files []string
	for _, glob := range []string{
		"../rules/tests/*.test.yml", "../examples/rules/*.test.yml", "../alerts/tests/*.test.yml", "../examples/alerts/*.test.yml",
	} {
		found, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 3 {
		t.Fatalf("found only %d test files: %v", len(files), files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test.yml"), func(t *testing.T) {
			t.Parallel()
			runRuleTestFile(t, file)
		})
	}
}

func runRuleTestFile(t *testing.T, file string) {
	body, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	dec := yaml.NewDecoder(body)
	dec.KnownFields(true)
	f := ruleTestFile{EvaluationInterval: model.Duration(time.Minute)}
	if err := dec.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if len(f.GroupEvalOrder) == 0 {
		t.Fatal("group_eval_order is missing: promtool would run the groups in random order")
	}
	for _, test := range f.Tests {
		t.Run(test.Name, func(t *testing.T) {
			if test.Interval == 0 {
				test.Interval = f.EvaluationInterval
			}
			groups := loadTestGroups(t, filepath.Dir(file), f.RuleFiles, f.GroupEvalOrder)
			runRuleTest(t, test, groups, time.Duration(f.EvaluationInterval))
		})
	}
}

// loadTestGroups parses the rule files of a test in the order that the test lists.
func loadTestGroups(t *testing.T, dir string, globs, order []string) []rules.Group {
	t.Helper()
	var out []rules.Group
	for _, glob := range globs {
		files, err := filepath.Glob(filepath.Join(dir, glob))
		if err != nil || len(files) == 0 {
			t.Fatalf("rule file %s: %v, %d files", glob, err, len(files))
		}
		for _, file := range files {
			parsed, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			for _, g := range parsed.Groups {
				if !slices.Contains(order, g.Name) {
					t.Fatalf("group_eval_order does not list the group %s of %s", g.Name, file)
				}
				out = append(out, testGroup(file, g))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b rules.Group) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return out
}

func testGroup(file string, g rulefmt.RuleGroup) rules.Group {
	out := rules.Group{Name: g.Name, File: filepath.Base(file)}
	for _, r := range g.Rules {
		out.Rules = append(out.Rules, rules.Rule{
			File: out.File, Group: g.Name, Record: r.Record, Alert: r.Alert, Expr: r.Expr, For: time.Duration(r.For),
			KeepFiringFor: time.Duration(r.KeepFiringFor), Labels: labels.FromMap(r.Labels), Annotations: r.Annotations,
		})
	}
	return out
}

type inputSample struct {
	series labels.Labels
	t      int64
	v      float64
}

func parseInput(t *testing.T, test ruleTest) (out []inputSample) {
	t.Helper()
	p := parser.NewParser(parser.Options{})
	for _, in := range test.InputSeries {
		lset, values, err := p.ParseSeriesDesc(in.Series + " " + in.Values)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if !v.Omitted {
				out = append(out, inputSample{lset, int64(i) * time.Duration(test.Interval).Milliseconds(), v.Value})
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].t < out[j].t })
	return out
}

func runRuleTest(t *testing.T, test ruleTest, groups []rules.Group, every time.Duration) {
	e, err := engine.New(engine.Options{LookBack: 1000 * time.Hour, MaxSeries: 100_000, Refuse: refuse})
	if err != nil {
		t.Fatal(err)
	}
	e.Install(groups, 1000*time.Hour)
	input := parseInput(t, test)
	feed := func(until int64) {
		for len(input) > 0 && input[0].t <= until {
			if _, err := e.Store.Append(0, input[0].series, input[0].t, input[0].v); err != nil {
				t.Fatalf("append %v: %v", input[0], err)
			}
			input = input[1:]
		}
	}
	var end time.Duration
	for _, x := range test.PromqlExprTest {
		end = max(end, time.Duration(x.EvalTime))
	}
	for _, x := range test.AlertRuleTest {
		end = max(end, time.Duration(x.EvalTime))
	}
	for at := time.Duration(0); at <= end; at += every {
		s := engine.Stamp{Steady: at.Milliseconds(), Wall: time.UnixMilli(at.Milliseconds()).UTC()}
		feed(s.Steady)
		for _, g := range e.Groups {
			if e.Eval(context.Background(), g, s) == 0 {
				continue
			}
			for _, r := range g.Rules {
				if r.Err != nil {
					t.Fatalf("at %s: rule %s: %v", at, r.Name(), r.Err)
				}
			}
		}
		checkAlerts(t, test, e.Groups, at, every)
	}
	feed(math.MaxInt64)
	checkExprs(t, test, e)
}

// instance is a firing alert as a test file states it.
type instance struct{ Labels, Annotations map[string]string }

func sortInstances(in []instance) []instance {
	sort.Slice(in, func(i, j int) bool {
		return labels.Compare(labels.FromMap(in[i].Labels), labels.FromMap(in[j].Labels)) < 0
	})
	return in
}

func checkAlerts(t *testing.T, test ruleTest, groups []*engine.Group, at, every time.Duration) {
	t.Helper()
	for _, x := range test.AlertRuleTest {
		if d := time.Duration(x.EvalTime); d < at || d >= at+every {
			continue
		}
		got, want := []instance{}, []instance{}
		for _, g := range groups {
			for _, r := range g.Rules {
				for _, a := range r.Active {
					if r.Alert == x.Alertname && a.Firing {
						got = append(got, instance{a.Labels.Map(), a.Annotations})
					}
				}
			}
		}
		for _, exp := range x.ExpAlerts {
			lset := map[string]string{labels.AlertName: x.Alertname}
			maps.Copy(lset, exp.Labels)
			want = append(want, instance{lset, exp.Annotations})
		}
		if d := cmp.Diff(sortInstances(want), sortInstances(got)); d != "" {
			t.Errorf("alerts %s at %s (-want +got):\n%s", x.Alertname, time.Duration(x.EvalTime), d)
		}
	}
}

func checkExprs(t *testing.T, test ruleTest, e *engine.Engine) {
	t.Helper()
	type sample struct {
		Labels string
		Value  float64
	}
	sorted := func(s []sample) []sample {
		sort.Slice(s, func(i, j int) bool { return s[i].Labels < s[j].Labels })
		return s
	}
	p := parser.NewParser(parser.Options{})
	for _, x := range test.PromqlExprTest {
		at := time.Duration(x.EvalTime)
		vector, err := e.Query.Instant(context.Background(), x.Expr, time.UnixMilli(at.Milliseconds()), 0)
		if err != nil {
			t.Errorf("%s at %s: %v", x.Expr, at, err)
			continue
		}
		got, want := []sample{}, []sample{}
		for _, s := range vector {
			got = append(got, sample{s.Metric.String(), s.F})
		}
		for _, exp := range x.ExpSamples {
			lset := labels.EmptyLabels()
			if exp.Labels != "" {
				if lset, err = p.ParseMetric(exp.Labels); err != nil {
					t.Fatalf("expected labels %s: %v", exp.Labels, err)
				}
			}
			want = append(want, sample{lset.String(), exp.Value})
		}
		if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
			t.Errorf("%s at %s (-want +got):\n%s", x.Expr, at, d)
		}
	}
}
