package rulefile

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"
)

const body = `groups:
- name: g
  labels: {team: a, severity: info}
  rules:
  - alert: A
    expr: x > 1
    labels: {severity: warning}
    annotations:
      summary: s
  - {record: r, expr: y}
`

func TestParse(t *testing.T) {
	f := Parse([]byte(body), parser.NewParser(parser.Options{}))
	if len(f.Faults) > 0 || f.Broken || len(f.Groups) != 1 || len(f.Groups[0].Rules) != 2 {
		t.Fatalf("parsed %+v", f)
	}
	g := f.Groups[0]
	alert, record := g.Rules[0], g.Rules[1]
	for _, c := range []struct {
		name      string
		got, want Position
	}{
		{"group", g.At, Position{2, 9}},
		{"alert", alert.At.Name(), Position{5, 12}},
		{"expression", alert.At.Expr(), Position{6, 11}},
		{"label of the rule", alert.At.Label("severity"), Position{7, 24}},
		{"label of the group", alert.At.Label("team"), Position{3, 18}},
		{"no such label", alert.At.Label("nope"), Position{5, 12}},
		{"annotation", alert.At.Annotation("summary"), Position{9, 16}},
		{"no such annotation", alert.At.Annotation("nope"), Position{5, 12}},
		{"record", record.At.Name(), Position{10, 14}},
	} {
		if c.got != c.want {
			t.Errorf("%s: at %v, want %v", c.name, c.got, c.want)
		}
	}
	if diff := cmp.Diff(map[string]string{"team": "a", "severity": "warning"}, alert.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []Fault
		broken     bool
	}{
		{"not YAML", "groups: [", []Fault{{Position{1, 1}, "invalid YAML: did not find expected node content; " +
			"check colons, quotes and indentation (no tabs) on this line and above"}}, true},
		{"duration", "groups: [{name: g, interval: 5, rules: []}]", []Fault{
			{Position{1, 30}, `interval: invalid duration "5": use a number with a unit, such as 30s or 5m`},
		}, false},
		{"not supported", "groups: [{name: g, limit: 3, rules: []}]", []Fault{
			{Position{1, 27}, `group "g": limit is not supported, a rule that exceeds it would lose all its alerts: remove it`},
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Parse([]byte(c.body), parser.NewParser(parser.Options{}))
			if diff := cmp.Diff(c.want, slices.Compact(f.Faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if f.Broken != c.broken {
				t.Errorf("broken is %v", f.Broken)
			}
		})
	}
}
