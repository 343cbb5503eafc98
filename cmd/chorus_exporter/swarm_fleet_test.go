package main

import (
	"testing"

	"chorus/evaluator"
)

// A node wants to stop while a rule asks for it or the fleet alone holds it back, and not where something else does.
func TestWantsStop(t *testing.T) {
	asks := []evaluator.Alert{{Name: "Any"}, {Name: "Ask", Labels: map[string]string{"action": "shutdown"}}}
	held := []evaluator.Alert{{Name: "Held", Labels: map[string]string{"holds": "shutdown"}}}
	for name, tt := range map[string]struct {
		snap evaluator.Snapshot
		want bool
	}{
		"nothing fires":  {evaluator.Snapshot{Status: evaluator.Healthy}, false},
		"other alerts":   {evaluator.Snapshot{Status: evaluator.Unhealthy, Alerts: asks[:1]}, false},
		"a rule asks":    {evaluator.Snapshot{Status: evaluator.Unhealthy, Alerts: asks}, true},
		"held back":      {evaluator.Snapshot{Status: evaluator.Unhealthy, Alerts: held}, true},
		"a rule fails":   {evaluator.Snapshot{Status: evaluator.Unhealthy, Alerts: held, Failing: []string{"own"}}, false},
		"it is starting": {evaluator.Snapshot{Status: evaluator.Starting, Alerts: asks}, false},
	} {
		if got := wantsStop(&tt.snap); got != tt.want {
			t.Errorf("%s: wants to stop is %v, want %v", name, got, tt.want)
		}
	}
}
