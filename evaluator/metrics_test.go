package evaluator

import (
	"testing"
	"testing/synctest"
	"time"

	"chorus/rules"
)

// The time of the last change is the start until there is one, moves with every change, and with nothing else.
func TestStatusLastChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{})
		changed := time.Now()
		for i, step := range []struct {
			failures float64
			changes  bool
		}{
			{0, false}, // starting: the end of it is seen by the next evaluation
			{0, true},  // healthy
			{0, false}, // still
			{3, true},  // unhealthy
			{4, false},
			{0, true}, // healthy
		} {
			time.Sleep(5 * time.Second)
			n.now = time.Now()
			n.probe("db", "true", step.failures)
			before := n.Snapshot().Status
			if s := n.pass(0); (s.Status != before) != step.changes {
				t.Fatalf("step %d: status %s after %s, want a change: %v", i, s.Status, before, step.changes)
			}
			if step.changes {
				changed = time.Now()
			}
			if got := n.measured("chorus_health_status_last_change_timestamp_seconds"); got != float64(changed.UnixMilli())/1000 {
				t.Errorf("step %d: the last change was at %v, want %v", i, got, changed.Unix())
			}
		}
	})
}

// measured is the value of a gauge without labels in the registry that is sampled.
func (n *node) measured(name string) float64 {
	n.t.Helper()
	families, err := n.reg.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetGauge().GetValue()
		}
	}
	n.t.Fatalf("%s is not gathered", name)
	return 0
}
