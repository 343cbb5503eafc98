package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	sloggokit "github.com/tjhop/slog-gokit"
)

// Bounds of queries. They keep a bad rule from taking the process with it; no sane rule comes near.
const (
	stageTimeout    = 10 * time.Second
	queryMaxSamples = 5_000_000 // 16 bytes each
)

// StageTime returns how long a stage of an evaluation may query. An evaluation has three stages: the rules that measure,
// those that conclude from them, and what is shown of both. All three together take less than the stall timeout, so that
// no rule, however slow, makes an evaluation look stalled: it fails instead, and with it those of its stage after it.
func StageTime(stall time.Duration) time.Duration { return min(stageTimeout, stall/4) }

// Querier answers instant queries from a store.
type Querier struct {
	Store storage.Queryable
	Now   func() time.Time // what a stage is timed by: time.Now, but for tests

	engine *promql.Engine
	stage  time.Duration // how long all queries of the stage under way may take
	until  time.Time     // when that is over
}

// Begin starts a stage whose queries may take d, all together.
func (q *Querier) Begin(d time.Duration) { q.stage, q.until = d, q.Now().Add(d) }

func newQuerier(s storage.Queryable, logger log.Logger) *Querier {
	return &Querier{
		Store: s,
		Now:   time.Now,
		stage: stageTimeout,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger:               slog.New(sloggokit.NewGoKitHandler(logger, nil)),
			MaxSamples:           queryMaxSamples,
			Timeout:              stageTimeout,
			EnableAtModifier:     true,
			EnableNegativeOffset: true,
			Parser:               parser.NewParser(parser.Options{}),
			// A subquery without a step takes Prometheus' default evaluation interval, as promtool does.
			NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		}),
	}
}

// Instant evaluates expr at t, a time as PromQL sees it. Samples are stored offset earlier. A scalar becomes a vector of
// one sample without labels.
func (q *Querier) Instant(ctx context.Context, expr string, t time.Time, offset time.Duration) (promql.Vector, error) {
	v, err := q.template(ctx, expr, t, offset)
	if err != nil {
		return nil, err
	}
	for _, s := range v {
		if s.H != nil {
			return nil, fmt.Errorf("the result %s is a native histogram; use a function that returns a number, "+
				"such as histogram_quantile", s.Metric)
		}
	}
	return v, nil
}

// template is Instant for a query in a template, where a native histogram is a value too. Its errors are those of
// Prometheus' rules.EngineQueryFunc, word for word, since they become part of an annotation; that of a query that took too
// long apart.
func (q *Querier) template(ctx context.Context, expr string, t time.Time, offset time.Duration) (promql.Vector, error) {
	left := q.stage
	if !q.until.IsZero() {
		left = q.until.Sub(q.Now())
	}
	if left <= 0 {
		return nil, fmt.Errorf("not evaluated: the rules before it took all of the %s that an evaluation has for them", q.stage)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	query, err := q.engine.NewInstantQuery(ctx, shifted{q.Store, offset.Milliseconds()}, nil, expr, t)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	res := query.Exec(ctx)
	if timeout := promql.ErrQueryTimeout(""); errors.As(res.Err, &timeout) {
		return nil, fmt.Errorf("stopped after %s: an evaluation has %s for all its rules; use a shorter range or a longer step",
			max(left, 0).Round(time.Millisecond), q.stage)
	}
	if res.Err != nil {
		return nil, res.Err
	}
	switch v := res.Value.(type) {
	case promql.Vector:
		return v, nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	default:
		return nil, errors.New("rule result is not a vector or scalar")
	}
}
