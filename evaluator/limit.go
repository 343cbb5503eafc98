package evaluator

import (
	"context"
	"math"

	"github.com/go-kit/log/level"

	"chorus/rules"
)

// limits keeps what alert expressions compare with, by expression, until the rules change.
type limits struct {
	of     *rules.Set
	parsed map[string]*rules.Limit // nil: none
}

func (ls *limits) get(set *rules.Set, expr string) *rules.Limit {
	if ls.of != set {
		ls.of, ls.parsed = set, map[string]*rules.Limit{}
	}
	l, known := ls.parsed[expr]
	if !known {
		if parsed, ok := rules.LimitOf(expr); ok {
			l = &parsed
		}
		ls.parsed[expr] = l
	}
	return l
}

// readLimits finds the limit of every active alert, what ends the alert, and the time left. A limit that is not a number
// takes one query for each rule with active alerts.
func (e *Evaluator) readLimits(ctx context.Context, s stamp) {
	for _, g := range e.engine.groups {
		for _, r := range g.rules {
			if len(r.active) == 0 {
				continue
			}
			l := e.limits.get(e.Rules(), r.Expr)
			values := e.limitValues(ctx, r, l, s)
			for _, a := range r.active {
				a.told = told{forLeft: a.forLeft(r.Rule, s.steady)}
				if l != nil {
					a.told.compare(a.value, l.Op, values(a))
				}
				a.told.clears = clears(a.told, a.annotations["unit"], r.KeepFiringFor)
			}
		}
	}
}

// compare takes the limit if it is a number, and finds out in which direction the value passed it: arithmetic around a
// comparison can mirror it.
func (t *told) compare(value float64, op string, limit float64) {
	if math.IsNaN(limit) || math.IsInf(limit, 0) {
		return
	}
	t.limit = &limit
	mirrored := map[string]string{">": "<", ">=": "<=", "<": ">", "<=": ">="}[op]
	switch {
	case holds(value, op, limit):
		t.op = op
	case holds(value, mirrored, limit):
		t.op = mirrored
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

// limitValues returns the limit of each of the rule's alerts, NaN if it is not known. A query that fails is no fault of
// the verdict: the alert only lacks its limit.
func (e *Evaluator) limitValues(ctx context.Context, r *rule, l *rules.Limit, s stamp) func(*alert) float64 {
	switch {
	case l == nil:
		return func(*alert) float64 { return math.NaN() }
	case l.Number != nil:
		return func(*alert) float64 { return *l.Number }
	}
	vector, err := e.engine.instant(ctx, l.Expr, s)
	if err != nil {
		level.Debug(e.opts.Logger).Log("msg", "Limit of an alert is not known", "rule", r.name(), "err", err)
	}
	byLabels := make(map[string]float64, len(vector))
	for _, sample := range vector {
		k := r.resultKey(sample.Metric)
		if old, twice := byLabels[k]; twice && old != sample.F {
			sample.F = math.NaN() // the rule's labels hide what told the two apart
		}
		byLabels[k] = sample.F
	}
	return func(a *alert) float64 {
		if v, ok := byLabels[r.resultKey(a.labels)]; ok {
			return v
		}
		return math.NaN()
	}
}
