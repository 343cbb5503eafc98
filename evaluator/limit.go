package evaluator

import (
	"context"
	"math"
	"time"

	"github.com/go-kit/log/level"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules"
	"chorus/rules/expr"
)

// told is what is told of an alert beside what decides about it.
type told struct {
	limit   *float64 // finite, nil if not known
	op      string   // value op limit is what the alert is about, "" if not known
	clears  string
	forLeft time.Duration
}

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
func (e *Evaluator) readLimits(ctx context.Context, s stamp) {
	for _, g := range e.groups {
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

// limitValues returns the limit of each of the rule's alerts, NaN if it is not known. A query that fails is not a fault of
// the verdict: the alert only lacks its limit.
func (e *Evaluator) limitValues(ctx context.Context, r *rule, l *expr.Limit, s stamp) func(*alert) float64 {
	switch {
	case l == nil:
		return func(*alert) float64 { return math.NaN() }
	case l.Number != nil:
		return func(*alert) float64 { return *l.Number }
	}
	vector, err := e.engine.query.instant(ctx, l.Expr, s.wall, s.offset)
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

// resultKey identifies a result of the rule's expression by the labels that an alert keeps of it.
func (r *rule) resultKey(l labels.Labels) string {
	r.builder.Reset(l)
	r.builder.Del(labels.MetricName, labels.AlertName)
	r.Labels.Range(func(own labels.Label) { r.builder.Del(own.Name) })
	r.buf = r.builder.Labels().Bytes(r.buf)
	return string(r.buf)
}

// forLeft is the time until a pending alert fires, or until one whose condition no longer holds may end; else 0.
func (a *alert) forLeft(r *rules.Rule, now int64) time.Duration {
	since := func(t int64) time.Duration { return time.Duration(now-t) * time.Millisecond }
	switch {
	case !a.firing:
		return max(0, r.For-since(a.activeAt))
	case a.ended:
		return max(0, r.KeepFiringFor-since(a.endedAt))
	}
	return 0
}
