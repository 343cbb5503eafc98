package evaluator

import (
	"fmt"
	"strings"

	"chorus/evaluator/verdict"
	"chorus/rules"
)

// What is measured whatever the rules are, in series.
const (
	perProbe     = 40  // what probes.Runner exposes of a check: 20 of its histogram, one per reason, and a dozen gauges
	perExporter  = 250 // the process, the Go runtime, the evaluator and the policy
	perGroup     = 2   // chorus_rule_failing, chorus_rule_evaluation_failures_total
	perCheck     = 2   // chorus_health_check_proven, chorus_health_check_score
	perAlert     = 3   // ALERTS, ALERTS_FOR_STATE, chorus_health_alert
	perRanProbe  = 2   // chorus_health_check_success_ratio, and that as a detail
	perComponent = 5   // score, floor, counted score, weight, signal
)

// Need is the least number of series that a configuration keeps in the store, taken apart by what needs them. An alerting
// rule counts with one instance and a recording rule with one series, so that a rule over many series needs more.
type Need struct {
	Checks     int // rule checks and probes
	Probes     int
	Groups     int
	Components int // that the rule checks name, and one for the probes
	Alerts     int // alerting rules
	Records    int // recording rules
}

// SeriesNeeded returns the least number of series that the rules and that many enabled probes need.
func SeriesNeeded(set *rules.Set, probes int) Need {
	return need(set, probes, func(*rules.Group) bool { return true })
}

// need is SeriesNeeded with the rules of some groups alone.
func need(set *rules.Set, probes int, of func(*rules.Group) bool) Need {
	n := Need{Checks: len(set.Checks()) + probes, Probes: probes, Groups: len(set.Groups())}
	components := map[string]bool{}
	for _, c := range set.Checks() {
		components[c.Component] = true
	}
	n.Components = len(components) + min(probes, 1)
	for i := range set.Groups() {
		g := &set.Groups()[i]
		if !of(g) {
			continue
		}
		for _, r := range g.Rules {
			if r.Alert != "" {
				n.Alerts++
			} else {
				n.Records++
			}
		}
	}
	return n
}

// Total is the number of series.
func (n Need) Total() int { return n.rules() + n.measured() }

// rules is how many of them the rules and the evaluator write.
func (n Need) rules() int {
	return n.Checks*perCheck + n.Alerts*perAlert + n.Records + n.Groups*perGroup + n.Components*perComponent +
		n.Probes*perRanProbe
}

func (n Need) measured() int { return n.Probes*perProbe + perExporter }

// String is the arithmetic: "5000 checks x 2 + 5010 alerts x 3 + …".
func (n Need) String() string {
	var terms []string
	add := func(count int, one, many string, each int) {
		if count > 0 {
			terms = append(terms, fmt.Sprintf("%s x %d", verdict.Plural(count, one, many), each))
		}
	}
	add(n.Checks, "check", "checks", perCheck)
	add(n.Alerts, "alerting rule", "alerting rules", perAlert)
	add(n.Records, "recording rule", "recording rules", 1)
	add(n.Groups, "group", "groups", perGroup)
	add(n.Components, "component", "components", perComponent)
	add(n.Probes, "probe", "probes", perProbe+perRanProbe)
	return strings.Join(terms, " + ") + fmt.Sprintf(" + %d of the exporter", perExporter)
}

// Fits returns an error with the arithmetic if maxSeries series are not enough. It names the key max_series.
func (n Need) Fits(maxSeries int) error {
	if n.Total() <= maxSeries {
		return nil
	}
	return fmt.Errorf("max_series is %d but %s and %s need at least %d series (%s): raise max_series or remove checks",
		maxSeries, verdict.Plural(n.Checks, "check", "checks"), verdict.Plural(n.Alerts+n.Records, "rule", "rules"), n.Total(), n)
}
