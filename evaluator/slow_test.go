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

	q, clock := n.engine.Query, time.Unix(0, 0)
	q.Now = func() time.Time { return clock }
	q.Store = slowStore{q.Store, func(ms []*labels.Matcher) {
		for _, m := range ms {
			if m.Name == labels.MetricName && m.Value == "own_slow_metric" {
				clock = clock.Add(5 * time.Second) // a quarter of the 20s
			}
		}
	}}
	n.want(n.pass(time.Second), Degraded, "rule own_third of group own failed to evaluate: "+
		"not evaluated: the rules before it took all of the 5s that an evaluation has for them")
	q.Now = time.Now
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
}
