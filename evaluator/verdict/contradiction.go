package verdict

import "fmt"

// Contradiction is what the alerts and checks of a verdict forbid.
type Contradiction struct {
	Most  Status // the best status that they allow
	cause string // what forbids a better one
}

// Text names the contradiction for people. It does not change from evaluation to evaluation while the fault is the same.
func (c *Contradiction) Text(said Status) string {
	return fmt.Sprintf("the status rules said %s although %s", said, c.cause)
}

// Contradicts compares the status with the alerts and checks of the snapshot. It returns nil if they agree. A stop and a
// start answer 503 whatever fires, so they contradict nothing.
func Contradicts(s *Snapshot) *Contradiction {
	if s.Status != Healthy && s.Status != Degraded {
		return nil
	}
	for i := range s.Alerts {
		a := &s.Alerts[i]
		if a.State == "firing" && a.Severity == "critical" && a.Check != "" && !a.Masked && a.Labels[ActionLabel] == "" {
			return &Contradiction{Unhealthy, fmt.Sprintf("critical alert %s fires for %s", a.Name, a.Check)}
		}
	}
	if s.Status == Healthy {
		for i := range s.Checks {
			if c := &s.Checks[i]; !c.Healthy {
				return &Contradiction{Degraded, fmt.Sprintf("check %s is %s", c.Name, c.State)}
			}
		}
	}
	return nil
}
