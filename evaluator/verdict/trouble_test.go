package verdict

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestMessageNeverHidesATrouble throws random checks and alerts at the message: it says that all is well only where it is,
// names a check that is not, and never one that is masked, in maintenance or well.
func TestMessageNeverHidesATrouble(t *testing.T) {
	states := []State{StateOK, StatePending, StateFiring, StateUnknown, stateMaintenance}
	alerts := []string{"CheckFailing", "CheckStale", "CheckNoData", "CheckUnproven", "CheckUnprovenCritical", "Custom"}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := Snapshot{Status: Statuses()[2+r.IntN(3)], Score: 1}
		well, quiet := s.Status == Healthy, map[string]bool{}
		for i := range r.IntN(6) {
			c := Check{Name: fmt.Sprintf("check-%d", i), Critical: r.IntN(2) == 0, State: states[r.IntN(len(states))]}
			c.Healthy = slices.Contains([]State{StateOK, StatePending, stateMaintenance}, c.State)
			counting := false
			for range r.IntN(3) {
				a := fires(c.Name, alerts[r.IntN(len(alerts))], []string{"critical", "warning", "info", ""}[r.IntN(4)], r.IntN(5), "text")
				if r.IntN(2) == 0 {
					a = pends(a)
				}
				a.Masked = r.IntN(3) == 0
				counting = counting || !a.Masked && SeverityRank(a.Severity) > 1
				c.Alerts = append(c.Alerts, a)
				s.Alerts = append(s.Alerts, a)
			}
			if r.IntN(3) == 0 {
				c.ConsecutiveFailures, c.Error = r.IntN(4), "refused"
			}
			if c.State == StateOK && !counting || c.State == stateMaintenance {
				quiet[c.Name] = true
			} else {
				well = false
			}
			s.Checks = append(s.Checks, c)
		}
		got := Message(&s, &Recorded{Thresholds: map[string]float64{"healthy": 0.95, "degraded": 0.75}}, Account{Sound: true})
		if passing := got == "All health checks passing"; passing != well {
			t.Errorf("seed %d: %q of %+v", seed, got, s)
		}
		for name := range quiet {
			if strings.Contains(got, name) {
				t.Errorf("seed %d: %q names %s", seed, got, name)
			}
		}
	}
}
