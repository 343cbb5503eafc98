package chorus

import (
	"testing"
	"time"

	"chorus/evaluator"
)

// A node wants to stop while a rule asks for it or the fleet alone holds it back, and not where something else does.
func TestAsksForStop(t *testing.T) {
	unknown := []evaluator.Check{{Name: "db", State: evaluator.StateUnknown}}
	asks := []evaluator.Alert{{Name: "Any"}, {Name: "Ask", Check: "db", Labels: map[string]string{"action": "shutdown"}}}
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
		"a read failed":  {evaluator.Snapshot{Status: evaluator.Unhealthy, Alerts: asks, Partial: true}, false},
		"it is unknown":  {evaluator.Snapshot{Status: evaluator.Unhealthy, Alerts: asks, Checks: unknown}, false},
		"it is starting": {evaluator.Snapshot{Status: evaluator.Starting, Alerts: asks}, false},
	} {
		if got := asksForStop(&tt.snap); got != tt.want {
			t.Errorf("%s: wants to stop is %v, want %v", name, got, tt.want)
		}
	}
}

// A stalled exporter says that it is unhealthy and has nobody wait for it; one that is stopping keeps the others waiting
// until it has gone, stalled or not.
func TestStandingOfAStall(t *testing.T) {
	asks := []evaluator.Alert{{Labels: map[string]string{"action": "shutdown"}}}
	now := time.Now()
	for name, tt := range map[string]struct {
		status evaluator.Status
		mode   Mode
		age    time.Duration
		want   evaluator.Status
		wants  bool
	}{
		"fresh":             {evaluator.Degraded, Exit, 0, "degraded", true},
		"observing":         {evaluator.Degraded, Observe, 0, "degraded", false},
		"stalled":           {evaluator.Degraded, Exit, time.Hour, "unhealthy", false},
		"stalled, stopping": {evaluator.Stopping, Exit, time.Hour, "stopping", true},
	} {
		snap := &evaluator.Snapshot{Status: tt.status, Alerts: asks, Finished: now.Add(-tt.age), StallTimeout: time.Minute}
		if got, wants := standing(snap, tt.mode, now); got != tt.want || wants != tt.wants {
			t.Errorf("%s: it tells %v and %v, want %v and %v", name, got, wants, tt.want, tt.wants)
		}
	}
}
