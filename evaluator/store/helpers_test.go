package store

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

func newStore(t testing.TB, retention time.Duration, maxSeries int) *Store {
	t.Helper()
	s, err := New(Options{Retention: retention, MaxSeries: maxSeries})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func matcher(kind labels.MatchType, name, value string) *labels.Matcher {
	return labels.MustNewMatcher(kind, name, value)
}

func expand(t testing.TB, set storage.SeriesSet) []storage.Series {
	t.Helper()
	var all []storage.Series
	for set.Next() {
		all = append(all, set.At())
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// readAll reads every series with one iterator, handed from one to the next.
func readAll(views []storage.Series) []answer {
	var as []answer
	var it chunkenc.Iterator
	for _, v := range views {
		a := answer{Labels: v.Labels().String()}
		it = v.Iterator(it)
		for it.Next() == chunkenc.ValFloat {
			t, x := it.At()
			a.Samples = append(a.Samples, naiveSample{t, math.Float64bits(x)})
		}
		as = append(as, a)
	}
	return as
}

// engine evaluates PromQL in tests.
type engine struct {
	*promql.Engine
	t testing.TB
}

func newEngine(t testing.TB) engine {
	return engine{promql.NewEngine(promql.EngineOpts{
		Logger:                   promslog.NewNopLogger(),
		MaxSamples:               50_000_000,
		Timeout:                  time.Minute,
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 },
	}), t}
}

// exec evaluates expr at t (ms) and hands the result to use, which may not keep it: the engine uses its memory again.
func (e engine) exec(s storage.Queryable, expr string, t int64, use func(parser.Value)) {
	e.t.Helper()
	q, err := e.NewInstantQuery(e.t.Context(), s, nil, expr, time.UnixMilli(t))
	if err != nil {
		e.t.Errorf("%s: %v", expr, err)
		return
	}
	defer q.Close()
	res := q.Exec(e.t.Context())
	if res.Err != nil {
		e.t.Errorf("%s: %v", expr, res.Err)
		return
	}
	use(res.Value)
}

// instant evaluates an expression that yields a vector.
func (e engine) instant(s storage.Queryable, expr string, t int64) (v promql.Vector) {
	e.t.Helper()
	e.exec(s, expr, t, func(x parser.Value) { v = x.(promql.Vector) })
	return v
}

// text evaluates any expression.
func (e engine) text(s storage.Queryable, expr string, t int64) (text string) {
	e.t.Helper()
	e.exec(s, expr, t, func(x parser.Value) { text = x.String() })
	return text
}

// hintless hides the hints of Select, as if the engine gave none: what the store does on them must change no result.
type hintless struct{ storage.Queryable }

func (h hintless) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := h.Queryable.Querier(mint, maxt)
	return hintlessQuerier{q}, err
}

type hintlessQuerier struct{ storage.Querier }

func (q hintlessQuerier) Select(
	ctx context.Context, sorted bool, _ *storage.SelectHints, ms ...*labels.Matcher,
) storage.SeriesSet {
	return q.Querier.Select(ctx, sorted, nil, ms...)
}
