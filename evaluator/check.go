package evaluator

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/prometheus/promql"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
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
		verdict.Judge(&c, v.failures[name] > 0, v.proven[name], blind[name])
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
