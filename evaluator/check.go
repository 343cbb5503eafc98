package evaluator

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/promql"

	"chorus/evaluator/engine"
	"chorus/rules"
)

// stateSince is a check's state with the steady time from which it has held.
type stateSince struct {
	state State
	since int64
}

// collectChecks gives every declared check its verdict.
func (e *Evaluator) collectChecks(ctx context.Context, snap *Snapshot, v *view, s engine.Stamp, byCheck map[string][]Alert) {
	declared := map[string]*rules.Check{}
	checks := e.Rules().Checks()
	for i := range checks {
		declared[checks[i].Name] = &checks[i]
	}
	took, blind := e.evaluationTimes(), e.blindChecks()
	for name, info := range v.info {
		c := Check{
			Name: name, Component: info.component, Kind: info.kind, Critical: info.critical,
			Details: v.details[name], Alerts: byCheck[name], ConsecutiveFailures: int(v.failures[name]),
		}
		c.judge(v, blind[name])
		c.Since = e.checkSince(name, c.State, s)
		if d := declared[name]; d != nil {
			c.Description, c.Interval, c.Timeout, c.Latency = d.Description, d.Interval, d.Timeout, took[name]
			if c.Message == "" {
				c.Message = e.okMessage(ctx, d, s)
			}
		}
		snap.Checks = append(snap.Checks, c)
	}
	slices.SortFunc(snap.Checks, func(a, b Check) int { return cmp.Compare(a.Name, b.Name) })
	for name := range e.states {
		if _, ok := v.info[name]; !ok {
			delete(e.states, name)
		}
	}
}

// judge derives state, verdict, message and error from the check's alerts, which are sorted worst first, and from the rule
// that failed if the check is blind.
func (c *Check) judge(v *view, b *blindness) {
	c.State = StateOK
	if v.failures[c.Name] > 0 {
		c.State = StatePending
	}
	for i := range c.Alerts {
		c.weigh(&c.Alerts[i])
	}
	if b != nil && b.alert && c.State != StateFiring { // what fires is known
		c.worsen(StateUnknown)
	}
	if !v.proven[c.Name] && c.State != StateFiring {
		c.worsen(StateUnknown)
		c.Message = cmp.Or(c.Message, "has not passed since it was declared")
	}
	if b != nil && b.failed && c.State == StateUnknown {
		c.Error = b.text
		if c.RunDecides() {
			c.Message = b.text
		}
	}
	c.Healthy = c.State != StateFiring && c.State != StateUnknown
}

// weigh takes one alert into account, if its severity has a weight. The first gives the message.
func (c *Check) weigh(a *Alert) {
	if severityRank(a.Severity) < 2 {
		return
	}
	if c.Message == "" {
		c.Message = a.text()
	}
	switch {
	case saysUnproven(a.Name): // follows from proven, and gives way to whatever fires
	case saysUnknown(a.Name): // pending too: the data is gone from the first evaluation without it
		c.worsen(StateUnknown)
	case a.State != "firing" || a.Masked:
		c.worsen(StatePending)
	default:
		c.worsen(StateFiring)
	}
}

// saysUnknown reports whether an alert, pending or firing, means that nothing is known of its check.
func saysUnknown(alert string) bool { return alert == "CheckStale" || alert == "CheckNoData" }

// saysUnproven reports whether an alert means that its check has not passed since it was declared.
func saysUnproven(alert string) bool {
	return alert == "CheckUnproven" || alert == "CheckUnprovenCritical"
}

func (c *Check) worsen(s State) {
	order := []State{StateOK, StatePending, StateFiring, StateUnknown}
	if slices.Index(order, s) > slices.Index(order, c.State) {
		c.State = s
	}
}

func (e *Evaluator) checkSince(name string, state State, s engine.Stamp) time.Time {
	old, ok := e.states[name]
	if !ok || old.state != state {
		old = stateSince{state, s.Steady}
		e.states[name] = old
	}
	return e.engine.Clock.At(old.since)
}

// okMessage expands the message for the time nothing fires. $value is the compared value when that is one sample.
func (e *Evaluator) okMessage(ctx context.Context, d *rules.Check, s engine.Stamp) string {
	if d.OK == "" {
		return "No alert fires"
	}
	var value promql.Sample
	if d.OKValue != "" {
		if vector, err := e.engine.Instant(ctx, d.OKValue, s); err == nil && len(vector) == 1 {
			value = vector[0]
		}
	}
	return e.engine.Annotation(ctx, d.Name, value, s, d.OK)
}

// evaluationTimes sums up, by check, how long the rules that speak for it took.
func (e *Evaluator) evaluationTimes() map[string]time.Duration {
	out := map[string]time.Duration{}
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			if name := r.Labels.Get(checkNameLabel); name != "" {
				out[name] += r.Took
			}
		}
	}
	return out
}
