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
	failing, pending, other := 0, 0, 0
	for i := range s.Checks {
		switch c := &s.Checks[i]; {
		case !c.Healthy && counts(c):
			failing++
		case !c.Healthy:
			other++
		case c.State == StatePending:
			pending++
		}
	}
	firing := worst(s.Alerts, "firing")
	switch {
	case failing > 0:
		return fmt.Sprintf("%s failing: %s", plural(failing, "check", "checks"), firing)
	case len(s.Failing) > 0:
		return "Rules fail to evaluate in " + plural(len(s.Failing), "group", "groups") + ": " + strings.Join(s.Failing, ", ")
	case firing != "": // for a check that nobody declares
		return firing
	case s.Status != Healthy:
		return scoreMessage(s, v)
	case other > 0:
		return plural(other, "check", "checks") + " failing: " + names(s, func(c Check) bool { return !c.Healthy })
	case pending > 0:
		if text := worst(s.Alerts, "pending"); text != "" {
			return fmt.Sprintf("%s pending: %s", plural(pending, "check", "checks"), text)
		}
		return plural(pending, "check", "checks") + " pending: " +
			names(s, func(c Check) bool { return c.State == StatePending })
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

// worst says what the worst alert of the state is about that speaks for a check, counts and is more than information.
func worst(alerts []Alert, state string) string {
	for i := range alerts {
		if a := &alerts[i]; a.State == state && a.Check != "" && !a.Masked && severityRank(a.Severity) > 1 {
			return a.text()
		}
	}
	return ""
}

// text is the alert's summary, or what stands for it where there is none.
func (a *Alert) text() string {
	switch {
	case a.Summary != "":
		return a.Summary
	case a.State == "firing":
		return a.Name + " fires for " + a.Check
	}
	return a.Name + " is pending for " + a.Check
}

// names lists the checks that are so.
func names(s *Snapshot, so func(Check) bool) string {
	var out []string
	for _, c := range s.Checks {
		if so(c) {
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
	if s.Score >= limit {
		return fmt.Sprintf("Status is %s: the status rules say so", s.Status)
	}
	out := fmt.Sprintf("Score %.2f is under %v", floor(s.Score), limit)
	if low := lowest(s.Components); low != nil {
		out += fmt.Sprintf(": %s %.2f", low.Name, floor(low.Score))
	}
	return out
}

// floor rounds a score down to two digits, so that one just under its threshold is not shown as equal to it. What
// binary fractions take away from 0.29 is put back before.
func floor(score float64) float64 { return math.Floor(score*100+1e-9) / 100 }

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
