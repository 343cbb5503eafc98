package evaluator

import (
	"context"
	"math"

	"github.com/go-kit/log/level"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
	"chorus/rules"
	"chorus/rules/expr"
)

// limits keeps what alert expressions compare with, by expression, until the rules change.
type limits struct {
	of     *rules.Set
	parsed map[string]*expr.Limit // nil: none
}

func (ls *limits) get(set *rules.Set, of string) *expr.Limit {
	if ls.of != set {
		ls.of, ls.parsed = set, map[string]*expr.Limit{}
	}
	l, known := ls.parsed[of]
	if !known {
		if parsed, ok := expr.LimitOf(of); ok {
			l = &parsed
		}
		ls.parsed[of] = l
	}
	return l
}

// readLimits finds the limit of every active alert, what ends the alert, and the time left. A limit that is not a number
// takes one query for each rule with active alerts.
func (e *Evaluator) readLimits(ctx context.Context, s engine.Stamp) {
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			if len(r.Active) == 0 {
				continue
			}
			l := e.limits.get(e.Rules(), r.Expr)
			values := e.limitValues(ctx, r, l, s)
			for _, a := range r.Active {
				a.Told = engine.Told{ForLeft: a.ForLeft(r.Rule, s.Steady)}
				if l != nil {
					compare(&a.Told, a.Value, l.Op, values(a))
				}
				a.Told.Clears = verdict.Clears(a.Told.Limit, a.Told.Op, a.Annotations["unit"], r.KeepFiringFor)
			}
		}
	}
}

// compare takes the limit if it is a number, and finds out in which direction the value passed it: arithmetic around a
// comparison can mirror it.
func compare(t *engine.Told, value float64, op string, limit float64) {
	if math.IsNaN(limit) || math.IsInf(limit, 0) {
		return
	}
	t.Limit = &limit
	mirrored := map[string]string{">": "<", ">=": "<=", "<": ">", "<=": ">="}[op]
	switch {
	case holds(value, op, limit):
		t.Op = op
	case holds(value, mirrored, limit):
		t.Op = mirrored
	}
}

// holds reports whether a comparison holds.
func holds(value float64, op string, limit float64) bool {
	switch op {
	case ">":
		return value > limit
	case ">=":
		return value >= limit
	case "<":
		return value < limit
	case "<=":
		return value <= limit
	case "==":
		return value == limit
	case "!=":
		return value != limit
	}
	return false
}

// limitValues returns the limit of each of the rule's alerts, NaN if it is not known. A query that fails is not a fault of
// the verdict: the alert only lacks its limit.
func (e *Evaluator) limitValues(ctx context.Context, r *engine.Rule, l *expr.Limit, s engine.Stamp) func(*engine.Alert) float64 {
	switch {
	case l == nil:
		return func(*engine.Alert) float64 { return math.NaN() }
	case l.Number != nil:
		return func(*engine.Alert) float64 { return *l.Number }
	}
	vector, err := e.engine.Instant(ctx, l.Expr, s)
	if err != nil {
		level.Debug(e.opts.Logger).Log("msg", "Limit of an alert is not known", "rule", r.Name(), "err", err)
	}
	byLabels := make(map[string]float64, len(vector))
	for _, sample := range vector {
		k := r.ResultKey(sample.Metric)
		if old, twice := byLabels[k]; twice && old != sample.F {
			sample.F = math.NaN() // the rule's labels hide what told the two apart
		}
		byLabels[k] = sample.F
	}
	return func(a *engine.Alert) float64 {
		if v, ok := byLabels[r.ResultKey(a.Labels)]; ok {
			return v
		}
		return math.NaN()
	}
}
