package evaluator

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

// Bounds of one query. They keep a single bad rule from taking the process with it; no sane rule comes near.
const (
	queryTimeout    = 10 * time.Second
	queryMaxSamples = 5_000_000 // 16 bytes each
)

// lookback is how old a sample may be that a plain selector still takes: the engine's default, which promtool has too.
const lookback = 5 * time.Minute

// querier answers instant queries from a store.
type querier struct {
	engine *promql.Engine
	store  storage.Queryable
}

func newQuerier(s storage.Queryable, logger log.Logger) *querier {
	return &querier{
		store: s,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger:               slog.New(sloggokit.NewGoKitHandler(logger, nil)),
			MaxSamples:           queryMaxSamples,
			Timeout:              queryTimeout,
			EnableAtModifier:     true,
			EnableNegativeOffset: true,
			Parser:               parser.NewParser(parser.Options{}),
			// A subquery without a step takes Prometheus' default evaluation interval, as promtool does.
			NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		}),
	}
}

// instant evaluates expr at t, a time as PromQL sees it. Samples are stored offset earlier. A scalar becomes a vector of
// one sample without labels.
func (q *querier) instant(ctx context.Context, expr string, t time.Time, offset time.Duration) (promql.Vector, error) {
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

// template is instant for a query in a template, where a native histogram is a value too. Its errors are those of
// Prometheus' rules.EngineQueryFunc, word for word, since they become part of an annotation.
func (q *querier) template(ctx context.Context, expr string, t time.Time, offset time.Duration) (promql.Vector, error) {
	query, err := q.engine.NewInstantQuery(ctx, shifted{q.store, offset.Milliseconds()}, nil, expr, t)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	res := query.Exec(ctx)
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
