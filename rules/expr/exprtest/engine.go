// Package exprtest has what tests of expressions need: an engine, and a storage in Memory.
package exprtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// Memory is a storage of series that have one value, once a minute for an hour before and at Time.
type Memory []promql.Sample

// Time is when expressions are evaluated.
func Time() time.Time { return time.Unix(100_000, 0) }

// Querier implements storage.Queryable.
func (m Memory) Querier(_, _ int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
		set := &seriesList{at: -1}
		for _, s := range m {
			if !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(s.Metric.Get(m.Name)) }) {
				set.series = append(set.series, constant(s))
			}
		}
		return set
	}}, nil
}

// constant implements storage.Series.
type constant promql.Sample

func (c constant) Labels() labels.Labels { return c.Metric }

func (c constant) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	chunk := chunkenc.NewXORChunk()
	appender, err := chunk.Appender()
	if err != nil {
		panic(err)
	}
	for t := Time().Add(-time.Hour); !t.After(Time()); t = t.Add(time.Minute) {
		appender.Append(0, t.UnixMilli(), c.F)
	}
	return chunk.Iterator(nil)
}

type seriesList struct {
	series []storage.Series
	at     int
}

func (l *seriesList) Next() bool                      { l.at++; return l.at < len(l.series) }
func (l *seriesList) At() storage.Series              { return l.series[l.at] }
func (*seriesList) Err() error                        { return nil }
func (*seriesList) Warnings() annotations.Annotations { return nil }

// Query evaluates an expression on m at Time(). ok is false where the engine refuses it.
func (m Memory) Query(t testing.TB, engine *promql.Engine, expr string) (out promql.Vector, ok bool) {
	t.Helper()
	q, err := engine.NewInstantQuery(context.Background(), m, nil, expr, Time())
	if err != nil {
		return nil, false
	}
	defer q.Close()
	switch v := q.Exec(context.Background()); value := v.Value.(type) {
	case promql.Vector:
		return slices.Clone(value), v.Err == nil
	case promql.Scalar:
		return promql.Vector{{F: value.V}}, v.Err == nil
	}
	return nil, false
}

// NewEngine returns an engine as the exporter has one, with smaller bounds.
func NewEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples: 100_000, Timeout: 5 * time.Second, EnableAtModifier: true, EnableNegativeOffset: true,
		Parser: parser.NewParser(parser.Options{}), NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 },
	})
}
