package evaluator

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"chorus/rules"
)

// slowStore is a store in which a series takes its time to be read: by the clock that it moves.
type slowStore struct {
	storage.Queryable
	slow func(matchers []*labels.Matcher)
}

func (s slowStore) Querier(from, to int64) (storage.Querier, error) {
	q, err := s.Queryable.Querier(from, to)
	return slowQuerier{q, s.slow}, err
}

type slowQuerier struct {
	storage.Querier
	slow func(matchers []*labels.Matcher)
}

func (q slowQuerier) Select(ctx context.Context, sorted bool, h *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	q.slow(ms)
	return q.Querier.Select(ctx, sorted, h, ms...)
}

// Rules that take too long fail, and those after them that measure. Those that conclude are evaluated all the same, so that
// the verdict says which it was.
func TestSlowRules(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {record: own_first, expr: own_metric}
  - {record: own_second, expr: own_slow_metric}
  - {record: own_third, expr: own_metric}
`), Options{StallTimeout: 20 * time.Second})
	n.set("own_metric", 1)
	n.set("own_slow_metric", 1)
	n.pass(0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")

	q, clock := n.engine.query, time.Unix(0, 0)
	q.now = func() time.Time { return clock }
	q.store = slowStore{q.store, func(ms []*labels.Matcher) {
		for _, m := range ms {
			if m.Name == labels.MetricName && m.Value == "own_slow_metric" {
				clock = clock.Add(5 * time.Second) // a quarter of the 20s
			}
		}
	}}
	n.want(n.pass(time.Second), Degraded, "rule own_third of group own failed to evaluate: "+
		"not evaluated: the rules before it took all of the 5s that an evaluation has for them")
	q.now = time.Now
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
}

// A query that does not end is stopped, and the error says what to do.
func TestSlowQueryIsStopped(t *testing.T) {
	n := newNode(t, rules.Options{}, Options{})
	n.pass(0)
	q := n.engine.query
	q.begin(time.Millisecond)
	q.now = func() time.Time { return q.until.Add(-time.Millisecond) }
	_, err := q.instant(t.Context(), "sum_over_time((sum_over_time(vector(1)[90m:1s]))[90m:1s])", time.Unix(1000, 0), 0)
	if want := "stopped after 1ms: an evaluation has 1ms for all its rules; use a shorter range or a longer step"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
