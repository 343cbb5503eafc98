package evaluator

import (
	"math"
	"testing"
	"time"

	"chorus/rules"
)

// What is derived from an own alert tells an alert that is quiet from one that can't see.
func TestOwnAlertThatCannotSee(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - {alert: Gone, expr: absent(app_up), labels: {check_name: gone, severity: warning}, annotations: {summary: s}}
      - {alert: Limit, expr: app_x > on () app_limit, labels: {check_name: limit, severity: warning}, annotations: {summary: s}}
      - {alert: Ratio, expr: app_errors / app_requests > 0.1, labels: {check_name: ratio, severity: warning}, annotations: {summary: s}}
`)
	n := newNode(t, rules.Options{Own: []string{own}}, Options{})
	n.set("app_up", 1)
	n.set(`app_x{a="b"}`, -1)
	n.set("app_limit", 5)
	n.set("app_errors", 0)
	n.set("app_requests", 0)
	// want lets enough time go by for CheckNoData.
	want := func(states map[string]State) {
		t.Helper()
		var s *Snapshot
		for range 5 {
			s = n.pass(time.Minute)
		}
		for name, state := range states {
			if got := check(t, s, name); got.State != state {
				t.Errorf("%s is %s (%s), want %s", name, got.State, got.Message, state)
			}
		}
	}
	want(map[string]State{"gone": StateOK, "limit": StateOK, "ratio": StateOK})
	n.set(`app_x{a="c"}`, math.NaN())
	n.drop("app_errors")
	n.drop("app_up")
	want(map[string]State{"gone": StateFiring, "limit": StateUnknown, "ratio": StateUnknown})
	n.drop(`app_x{a="c"}`)
	n.drop("app_limit")
	n.set("app_errors", math.NaN())
	n.set("app_up", math.NaN())
	want(map[string]State{"gone": StateOK, "limit": StateUnknown, "ratio": StateUnknown})
}
