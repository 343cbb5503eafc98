package rules

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func weight(w float64) *float64 { return &w }

func TestDefaultPolicy(t *testing.T) {
	if diff := cmp.Diff(Policy{Healthy: 0.95, Degraded: 0.75}, DefaultPolicy()); diff != "" {
		t.Errorf("default policy (-want +got):\n%s", diff)
	}
	if err := DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
}

func TestPolicyValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy Policy
		want   string
	}{
		{"equal thresholds", Policy{Healthy: 0.5, Degraded: 0.5}, ""},
		{"bounds", Policy{Healthy: 1, Degraded: 0}, ""},
		{"weightless", Policy{Components: map[string]ComponentPolicy{"a": {Weight: weight(0)}, "b": {Key: true}}}, ""},
		{"over 1", Policy{Healthy: 95, Degraded: 0.75}, "thresholds.healthy: invalid value 95: use a number from 0 to 1"},
		{"NaN", Policy{Healthy: 1, Degraded: math.NaN()}, "thresholds.degraded: invalid value NaN: use a number from 0 to 1"},
		{"swapped", Policy{Healthy: 0.75, Degraded: 0.95}, "thresholds.degraded: 0.95 is above thresholds.healthy (0.75): lower thresholds.degraded"},
		{
			"weights",
			Policy{Components: map[string]ComponentPolicy{
				"b": {Weight: weight(-1)}, "a": {Weight: weight(math.Inf(1))}, "c": {Weight: weight(math.NaN())},
			}},
			"components.a.weight: invalid weight +Inf: use a finite number, 0 or more\n" +
				"components.b.weight: invalid weight -1: use a finite number, 0 or more\n" +
				"components.c.weight: invalid weight NaN: use a finite number, 0 or more",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := c.policy.Validate(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestPolicyCollector(t *testing.T) {
	p := Policy{Healthy: 0.9, Degraded: 0.5, Components: map[string]ComponentPolicy{
		"database": {Weight: weight(3), Key: true}, "p2p": {Weight: weight(0)}, "tasks": {},
	}}
	c := NewPolicyCollector(p)
	delete(p.Components, "database") // the policy stays the caller's
	*p.Components["p2p"].Weight = 7
	const want = `
# HELP chorus_health_component_key Whether the component is key (1): the system score is never better than the worst key component.
# TYPE chorus_health_component_key gauge
chorus_health_component_key{component="database"} 1
# HELP chorus_health_component_weight Configured weight of the component in the system score; 1 where there is none.
# TYPE chorus_health_component_weight gauge
chorus_health_component_weight{component="database"} 3
chorus_health_component_weight{component="p2p"} 0
# HELP chorus_health_threshold Configured system score under which the status is no longer the one named.
# TYPE chorus_health_threshold gauge
chorus_health_threshold{name="degraded"} 0.5
chorus_health_threshold{name="healthy"} 0.9
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	c.Set(DefaultPolicy())
	if got := testutil.CollectAndCount(c); got != 2 {
		t.Errorf("%d series after the reload, want the two thresholds", got)
	}
	if problems, err := testutil.CollectAndLint(c); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
