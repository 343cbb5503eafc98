package evaluator

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// message is the verdict in one sentence. "All health checks passing" stands only where nothing is failing, pending or
// unknown and the status is healthy.
func message(s *Snapshot, v *view, waiting map[string]bool, sound bool) string {
	switch {
	case !sound:
		return fmt.Sprintf("The status rules failed: exactly one status must hold, they recorded %s", recorded(v.status))
	case s.Status == Starting:
		return startingMessage(waiting)
	case s.Status == Stopping:
		return "Stopping"
	}
	failing, pending := 0, 0
	for i := range s.Checks {
		switch c := &s.Checks[i]; {
		case !c.Healthy && counts(c):
			failing++
		case c.State == StatePending:
			pending++
		}
	}
	switch {
	case failing > 0:
		return fmt.Sprintf("%s failing: %s", plural(failing, "check", "checks"), worst(s.Alerts, "firing"))
	case len(s.Failing) > 0:
		return "Rules fail to evaluate in " + plural(len(s.Failing), "group", "groups") + ": " + strings.Join(s.Failing, ", ")
	case s.Status != Healthy:
		return scoreMessage(s, v)
	case pending > 0:
		if text := worst(s.Alerts, "pending"); text != "" {
			return fmt.Sprintf("%s pending: %s", plural(pending, "check", "checks"), text)
		}
		return fmt.Sprintf("%s pending: %s", plural(pending, "check", "checks"), pendingNames(s))
	default:
		return "All health checks passing"
	}
}

// counts says whether an alert of the check counts, that is fires unmasked.
func counts(c *Check) bool {
	return slices.ContainsFunc(c.Alerts, func(a Alert) bool {
		return a.State == "firing" && !a.Masked && severityRank(a.Severity) > 1
	})
}

// worst is the summary of the worst alert of the state that speaks for a check and is more than information.
func worst(alerts []Alert, state string) string {
	for _, a := range alerts {
		if a.State == state && a.Check != "" && severityRank(a.Severity) > 1 {
			if a.Summary == "" {
				return a.Name + " fires for " + a.Check
			}
			return a.Summary
		}
	}
	return ""
}

func pendingNames(s *Snapshot) string {
	var out []string
	for _, c := range s.Checks {
		if c.State == StatePending {
			out = append(out, c.Name)
		}
	}
	return strings.Join(out, ", ")
}

func startingMessage(waiting map[string]bool) string {
	if len(waiting) == 0 {
		return "Starting"
	}
	return "Starting: waiting for the first result of " + strings.Join(slices.Sorted(maps.Keys(waiting)), ", ")
}

// scoreMessage explains a status that only the score decides.
func scoreMessage(s *Snapshot, v *view) string {
	name := "healthy"
	if s.Status == Unhealthy {
		name = "degraded"
	}
	limit, known := v.thresholds[name]
	switch {
	case !known || math.IsNaN(limit):
		return fmt.Sprintf("Status is %s: the threshold %q has no value", s.Status, name)
	case math.IsNaN(s.Score):
		return fmt.Sprintf("Status is %s: the score rules yielded no score", s.Status)
	}
	out := fmt.Sprintf("Score %.2f is under %.2f", s.Score, limit)
	if low := lowest(s.Components); low != nil {
		out += fmt.Sprintf(": %s %.2f", low.Name, low.Score)
	}
	return out
}

func lowest(cs []Component) *Component {
	var low *Component
	for i := range cs {
		if low == nil || !(cs[i].Score >= low.Score) { // NaN is lowest
			low = &cs[i]
		}
	}
	return low
}

// recorded lists the statuses that are not 0, for a person who looks for the fault.
func recorded(status map[string]float64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(status)) {
		if status[name] != 0 {
			out = append(out, fmt.Sprintf("%s %v", name, status[name]))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}
