package store

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// Querier implements storage.Queryable for samples from mint to maxt (ms), both included. It never fails and its Close
// has nothing to release. Each Select sees the store as it is at that moment. Where the hints are those of a plain
// selector at one time, each series comes with its newest sample in the range alone.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	return querier{s, mint, maxt}, nil
}

type querier struct {
	store      *Store
	mint, maxt int64
}

// Select implements storage.Querier. Without sorting the series come in the order of the index, which is the same for
// the same history of the store.
func (q querier) Select(
	ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher,
) storage.SeriesSet {
	if err := ctx.Err(); err != nil {
		return storage.ErrSeriesSet(err)
	}
	found := q.find(hints, ms)
	if sorted {
		slices.SortFunc(found, func(a, b view) int { return labels.Compare(a.labels, b.labels) })
	}
	return &viewSet{views: found, i: -1}
}

// find takes a view of every series that matches and has a sample in time.
func (q querier) find(hints *storage.SelectHints, ms []*labels.Matcher) []view {
	mint, maxt := q.mint, q.maxt
	if hints != nil { // they narrow the querier's range
		mint, maxt = max(mint, hints.Start), min(maxt, hints.End)
	}
	newest := wantsNewest(hints)

	q.store.mtx.RLock()
	defer q.store.mtx.RUnlock()
	candidates, rest := q.store.index.candidates(ms)
	var found []view
	if len(rest) == 0 {
		found = make([]view, 0, len(candidates))
	}
	for _, s := range candidates {
		if s.newest().t < mint || !matches(s.labels, rest) {
			continue
		}
		part := s.between(mint, maxt)
		if len(part) == 0 {
			continue
		}
		if newest {
			part = part[len(part)-1:]
		}
		found = append(found, view{s.labels, part})
	}
	return found
}

// lookback is how far a plain selector looks back, in ms: the engine's default, which nothing here overrides.
const lookback = 5 * 60 * 1000

// wantsNewest says whether the query can only use the newest sample in the range: it does for a plain selector that is
// evaluated at one time. The engine's hints show that by having neither a range nor a step (a range query, a subquery
// and info() have a step) and by spanning the lookback, left-open; the experimental modifier "smoothed" spans it twice.
// The engine's iterator would otherwise walk through the whole lookback to get there, 60 samples at an interval of 5 s,
// which takes as long as all the rest of such a query.
func wantsNewest(hints *storage.SelectHints) bool {
	return hints != nil && hints.Range == 0 && hints.Step == 0 && hints.End-hints.Start == lookback-1
}

// LabelValues implements storage.LabelQuerier.
func (q querier) LabelValues(
	_ context.Context, name string, _ *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	values := map[string]struct{}{}
	for _, s := range q.find(nil, ms) {
		if v := s.labels.Get(name); v != "" {
			values[v] = struct{}{}
		}
	}
	return sortedKeys(values), nil, nil
}

// LabelNames implements storage.LabelQuerier.
func (q querier) LabelNames(
	_ context.Context, _ *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	names := map[string]struct{}{}
	for _, s := range q.find(nil, ms) {
		s.labels.Range(func(l labels.Label) { names[l.Name] = struct{}{} })
	}
	return sortedKeys(names), nil, nil
}

// Close implements storage.LabelQuerier.
func (querier) Close() error { return nil }

// view is a series as one Select saw it.
type view struct {
	labels  labels.Labels
	samples []sample
}

// Labels implements storage.Series.
func (v *view) Labels() labels.Labels { return v.labels }

// Iterator implements storage.Series.
func (v *view) Iterator(it chunkenc.Iterator) chunkenc.Iterator {
	if used, ok := it.(*iterator); ok {
		*used = iterator{v.samples, -1}
		return used
	}
	return &iterator{v.samples, -1}
}

// viewSet is a storage.SeriesSet over views.
type viewSet struct {
	views []view
	i     int
}

func (s *viewSet) Next() bool {
	s.i++
	return s.i < len(s.views)
}

func (s *viewSet) At() storage.Series                { return &s.views[s.i] }
func (s *viewSet) Err() error                        { return nil }
func (s *viewSet) Warnings() annotations.Annotations { return nil }

func sortedKeys(set map[string]struct{}) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
