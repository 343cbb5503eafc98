package evaluator

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chorus/rules"
)

// What can't be expanded says so in the words of Prometheus, whose users search for them.
func TestAnnotationErrors(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - alert: A
        expr: app_x > 1
        labels: {severity: info}
        annotations:
          summary: '{{ query "app_nothing" | first | value }}'
          query: '{{ query $labels.q }}'
          type: '{{ query (printf "%s[5m]" $labels.q2) }}'
          number: '{{ humanize $labels.q }}'
          fine: '{{ query "app_x" | first | value }}'
`)
	n := newNode(t, rules.Options{Own: []string{own}}, Options{})
	n.set(`app_x{q="sum(",q2="app_x"}`, 2)
	s := n.pass(time.Second)
	if len(s.Alerts) != 1 {
		t.Fatalf("alerts: %+v", s.Alerts)
	}
	const (
		begin = "<error expanding template: error executing template __alert_A: template: __alert_A:1:"
		at    = `: executing "__alert_A" at `
	)
	if diff := cmp.Diff(map[string]string{
		"summary": begin + "137" + at + "<first>: error calling first: first() called on vector with no elements>",
		"query":   begin + "115" + at + "<query $labels.q>: error calling query: 1:5: parse error: unclosed left parenthesis>",
		"type":    begin + "115" + at + `<query (printf "%s[5m]" $labels.q2)>: error calling query: rule result is not a vector or scalar>`,
		"number":  begin + "115" + at + `<humanize $labels.q>: error calling humanize: strconv.ParseFloat: parsing "sum(": invalid syntax>`,
		"fine":    "2",
	}, s.Alerts[0].Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

// A query in an annotation finds what it asks for, however far it looks back.
func TestAnnotationLooksBack(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - alert: A
        expr: app_x > 1
        labels: {severity: info}
        annotations:
          summary: '{{ range printf "max_over_time(%s[1h])" "app_x" | query }}{{ .Value }}{{ end }}'
`)
	n := newNode(t, rules.Options{Own: []string{own}}, Options{Interval: time.Minute})
	n.set("app_x", 9)
	n.pass(time.Second)
	n.set("app_x", 2)
	for range 58 {
		n.pass(time.Minute)
	}
	if got := n.Snapshot().Alerts[0].Annotations["summary"]; got != "9" {
		t.Errorf("an hour's maximum is %q, want 9", got)
	}
}
