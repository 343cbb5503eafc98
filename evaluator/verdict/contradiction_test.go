package verdict

import "testing"

func TestContradicts(t *testing.T) {
	fires := func(mend ...func(*Alert)) []Alert {
		a := Alert{Name: "A", Check: "a", Severity: "critical", State: "firing"}
		for _, f := range mend {
			f(&a)
		}
		return []Alert{a}
	}
	sick := []Check{{Name: "b", State: StateUnknown}}
	for _, tc := range []struct {
		name   string
		status Status
		alerts []Alert
		checks []Check
		most   Status // "" where there is no contradiction
	}{
		{"healthy, all well", Healthy, nil, []Check{{Name: "b", Healthy: true}}, ""},
		{"healthy beside a critical alert", Healthy, fires(), nil, Unhealthy},
		{"degraded beside a critical alert", Degraded, fires(), sick, Unhealthy},
		{"unhealthy beside a critical alert", Unhealthy, fires(), sick, ""},
		{"starting beside a critical alert", Starting, fires(), sick, ""},
		{"stopping beside a critical alert", Stopping, fires(), sick, ""},
		{"healthy beside a check that is not", Healthy, nil, sick, Degraded},
		{"degraded beside a check that is not", Degraded, nil, sick, ""},
		{"a warning", Healthy, fires(func(a *Alert) { a.Severity = "warning" }), nil, ""},
		{"pending", Healthy, fires(func(a *Alert) { a.State = "pending" }), nil, ""},
		{"masked", Healthy, fires(func(a *Alert) { a.Masked = true }), nil, ""},
		{"for no check", Healthy, fires(func(a *Alert) { a.Check = "" }), nil, ""},
		{"an action", Healthy, fires(func(a *Alert) { a.Labels = map[string]string{"action": "shutdown"} }), nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got Status
			if c := Contradicts(&Snapshot{Status: tc.status, Alerts: tc.alerts, Checks: tc.checks}); c != nil {
				got = c.Most
			}
			if got != tc.most {
				t.Errorf("at most %q, want %q", got, tc.most)
			}
		})
	}
}
