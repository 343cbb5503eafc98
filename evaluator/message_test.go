package evaluator

import (
	"math"
	"testing"
)

func TestMessage(t *testing.T) {
	firing := Alert{Name: "A", Check: "a", Severity: "critical", State: "firing", Summary: "a is down"}
	masked := Alert{Name: "B", Check: "b", Severity: "critical", State: "firing", Summary: "b is down", Masked: true}
	pending := Alert{Name: "C", Check: "c", Severity: "warning", State: "pending", Summary: "c is slow"}
	check := func(name string, state State, alerts ...Alert) Check {
		return Check{Name: name, State: state, Healthy: state == StateOK || state == StatePending, Alerts: alerts}
	}
	limits := map[string]float64{"healthy": 0.95, "degraded": 0.755}
	for _, tc := range []struct {
		name     string
		snapshot Snapshot
		want     string
	}{
		{"all well", Snapshot{Status: Healthy, Checks: []Check{check("a", StateOK)}}, "All health checks passing"},
		{
			"one fails, another is masked by it",
			Snapshot{
				Status: Unhealthy, Checks: []Check{check("a", StateFiring, firing), check("b", StateFiring, masked)},
				Alerts: []Alert{firing, masked},
			},
			"1 check failing: a is down",
		},
		{
			"an alert counts for a check that nobody declares",
			Snapshot{Status: Unhealthy, Score: 1, Alerts: []Alert{firing}},
			"a is down",
		},
		{
			"a rule fails",
			Snapshot{Status: Degraded, Failing: []string{"g", "h"}, Checks: []Check{check("a", StateUnknown)}},
			"Rules fail to evaluate in 2 groups: g, h",
		},
		{
			"pending by an alert",
			Snapshot{Status: Healthy, Checks: []Check{check("c", StatePending, pending)}, Alerts: []Alert{pending}},
			"1 check pending: c is slow",
		},
		{"pending by a run", Snapshot{Status: Healthy, Checks: []Check{check("c", StatePending)}}, "1 check pending: c"},
		{
			"healthy, say the rules, but a check is not",
			Snapshot{Status: Healthy, Checks: []Check{check("b", StateFiring, masked)}, Alerts: []Alert{masked}},
			"1 check failing: b",
		},
		{
			"only the score",
			Snapshot{Status: Degraded, Score: 0.93, Components: []Component{{"database", 1}, {"resources", 0.8}}},
			"Score 0.93 is under 0.95: resources 0.80",
		},
		{"a score just under", Snapshot{Status: Degraded, Score: 0.9499}, "Score 0.94 is under 0.95"},
		{"a threshold of three digits", Snapshot{Status: Unhealthy, Score: 0.7549}, "Score 0.75 is under 0.755"},
		{"no score", Snapshot{Status: Degraded, Score: math.NaN()}, "Status is degraded: the score rules yielded no score"},
		{"not the score", Snapshot{Status: Degraded, Score: 1}, "Status is degraded: the status rules say so"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := message(&tc.snapshot, &view{thresholds: limits}, nil, true); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}
