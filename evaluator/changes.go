package evaluator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
	"chorus/rules"
)

// Bounds of the log lines about alerts of one evaluation: in all, and of one rule. The rest is counted in one line more.
const (
	maxAlertLines = 20
	maxRuleLines  = 5
)

// changes remembers which alerts were logged as firing, so that each start and each end is one line.
type changes struct {
	of     *rules.Set
	idents map[*engine.Rule]string      // alerting rules as they are known across reloads
	firing map[string]map[string]logged // by ident, then by the alert's key
}

// logged is an alert that was logged as firing. The error of its check's last run is kept from then, since a run that
// passed has ended the alert and left no error.
type logged struct {
	*engine.Alert
	runError string
}

// change is one line to be.
type change struct {
	rule  string
	alert Alert
	cause string
	ended bool
}

// logAlerts logs the alerts that began to fire or ended in this evaluation. While the rule of an alert fails to evaluate
// nothing is known of its end, and an alert whose rule a reload has dropped did not end: neither is logged.
func (e *Evaluator) logAlerts(snap *Snapshot) {
	ch := &e.changes
	if ch.of != e.Rules() {
		ch.identify(e.Rules(), e.engine.Groups)
	}
	var lines []change
	masked := maskedAlerts(snap)
	for r, ident := range ch.idents {
		before := ch.firing[ident]
		if r.Err != nil || len(before) == 0 && len(r.Active) == 0 {
			continue
		}
		lines = append(lines, e.changesOf(r, ident, before, snap, masked)...)
	}
	e.writeChanges(lines, snap.Status == Starting)
}

// identify names every alerting rule as a reload tells them apart, the nth of equal ones with its number, and forgets
// the alerts of those that are gone.
func (ch *changes) identify(set *rules.Set, groups []*engine.Group) {
	ch.of, ch.idents = set, map[*engine.Rule]string{}
	count := map[string]int{}
	firing := map[string]map[string]logged{}
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			ident := g.File + "\xff" + g.Name + "\xff" + r.Alert + "\xff" + r.Labels.String()
			count[ident]++
			ident += "\xff" + strconv.Itoa(count[ident])
			ch.idents[r] = ident
			if old := ch.firing[ident]; old != nil {
				firing[ident] = old
			}
		}
	}
	ch.firing = firing
}

// changesOf compares the alerts of one rule with those that were logged as firing.
func (e *Evaluator) changesOf(
	r *engine.Rule, ident string, before map[string]logged, snap *Snapshot, masked map[string]bool,
) (lines []change) {
	for key, l := range before {
		if now := r.Active[key]; now != nil { // one that is pending again did not end
			l.Alert = now
			before[key] = l
			continue
		}
		delete(before, key)
		public := e.publicAlert(l.Alert, nil)
		lines = append(lines, change{rule: ident, alert: public, cause: cmp.Or(l.runError, verdict.Clause(public.Text())), ended: true})
	}
	for key, a := range r.Active {
		if _, known := before[key]; known || !a.Firing {
			continue
		}
		public := e.publicAlert(a, nil)
		public.Masked = masked[labelKey(a.Labels)]
		l := logged{a, runErrorOf(snap, &public)}
		if before == nil {
			before = map[string]logged{}
			e.changes.firing[ident] = before
		}
		before[key] = l
		if !a.Acted { // else the start of its action was logged
			lines = append(lines, change{rule: ident, alert: public, cause: cmp.Or(l.runError, verdict.Clause(public.Text()))})
		}
	}
	return lines
}

func maskedAlerts(snap *Snapshot) map[string]bool {
	out := map[string]bool{}
	for i := range snap.Alerts {
		if a := &snap.Alerts[i]; a.Masked {
			out[labelKey(labels.FromMap(a.Labels))] = true
		}
	}
	return out
}

// runErrorOf returns the error of the last run of the alert's check where the alert only repeats that the check fails,
// else "".
func runErrorOf(s *Snapshot, a *Alert) string {
	i, found := slices.BinarySearchFunc(s.Checks, a.Check, func(c Check, name string) int { return cmp.Compare(c.Name, name) })
	if found && s.Checks[i].Error != "" && verdict.Restates(a.Name) {
		return verdict.Clause(s.Checks[i].Error)
	}
	return ""
}

// writeChanges writes the worst lines, and counts the others in one.
func (e *Evaluator) writeChanges(lines []change, starting bool) {
	slices.SortFunc(lines, func(a, b change) int {
		return cmp.Or(verdict.FalseFirst(a.ended, b.ended), verdict.WorstFirst(a.alert, b.alert), cmp.Compare(a.rule, b.rule))
	})
	perRule := map[string]int{}
	written, firing, ended := 0, 0, 0
	for _, c := range lines {
		if perRule[c.rule]++; written < maxAlertLines && perRule[c.rule] <= maxRuleLines {
			written++
			c.write(e.opts.Logger, starting)
		} else if c.ended {
			ended++
		} else {
			firing++
		}
	}
	if firing+ended > 0 {
		level.Info(e.opts.Logger).Log("msg", fmt.Sprintf("More alerts changed: %d more firing, %d more ended", firing, ended))
	}
}

// write logs the change: a critical alert that counts is an error, a warning a warning, everything else information.
func (c change) write(logger log.Logger, starting bool) {
	a := &c.alert
	to, msg := level.Info(logger), "Alert ended"
	if !c.ended {
		msg = "Alert firing"
		switch {
		case starting || a.Check == "" || a.Masked:
		case a.Severity == "critical":
			to = level.Error(logger)
		case a.Severity == "warning":
			to = level.Warn(logger)
		}
	}
	pairs := []any{"msg", msg, "rule", a.Name}
	for _, p := range [][2]string{{"check", a.Check}, {"component", a.Labels["component"]}, {"severity", a.Severity}} {
		if p[1] != "" {
			pairs = append(pairs, p[0], p[1])
		}
	}
	pairs = append(pairs, "value", number(a.Value))
	if a.Limit != nil {
		pairs = append(pairs, "limit", number(*a.Limit))
	}
	_ = to.Log(append(pairs, "cause", c.cause)...)
}

// number is a number as text: JSON has none for NaN.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// logStatus logs that the status changed, as urgently as it got worse.
func logStatus(logger log.Logger, from Status, now *Snapshot) {
	to := level.Info(logger)
	switch {
	case now.Status == Unhealthy:
		to = level.Error(logger)
	case now.Status == Degraded && from != Unhealthy:
		to = level.Warn(logger)
	}
	_ = to.Log("msg", "Status changed from "+string(from)+" to "+string(now.Status), "cause", now.Message)
}
