package store

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

const naiveMaxSeries = 12

// naive is the store as one would write it without a thought for speed.
type naive struct {
	retention int64
	series    []*naiveSeries // sorted
}

type naiveSeries struct {
	l       labels.Labels
	samples []naiveSample
}

type naiveSample struct {
	T    int64
	Bits uint64 // NaN compares
}

func (m *naive) find(l labels.Labels) *naiveSeries {
	for _, s := range m.series {
		if labels.Equal(s.l, l) {
			return s
		}
	}
	return nil
}

func (m *naive) append(l labels.Labels, t int64, v float64, now int64) error {
	if t < now && t < now-m.retention {
		return ErrOutOfBounds
	}
	s := m.find(l)
	if s == nil {
		if len(m.series) == naiveMaxSeries {
			return ErrSeriesLimit
		}
		s = &naiveSeries{l: l}
		m.series = append(m.series, s)
		slices.SortFunc(m.series, func(a, b *naiveSeries) int { return labels.Compare(a.l, b.l) })
	}
	next := naiveSample{t, math.Float64bits(v)}
	if n := len(s.samples); n > 0 {
		switch last := s.samples[n-1]; {
		case last == next:
			return nil
		case last.T == t && last.Bits == value.StaleNaN:
			s.samples[n-1] = next
			return nil
		case last.T == t:
			return ErrDuplicate
		case last.T > t:
			return ErrOutOfOrder
		}
	}
	s.samples = append(slices.DeleteFunc(s.samples, func(x naiveSample) bool { return x.T < now-m.retention }), next)
	return nil
}

// write is append for several series, all or none.
func (m *naive) write(t int64, limit int, entries []Entry) error {
	before := naive{m.retention, nil}
	for _, s := range m.series {
		before.series = append(before.series, &naiveSeries{s.l, slices.Clone(s.samples)})
	}
	var failed error
	for _, e := range entries {
		fits := m.find(e.Labels) != nil || len(m.series) < limit
		err := ErrSeriesLimit
		if fits {
			err = m.append(e.Labels, t, e.Value, t)
		}
		if e.Yields && errors.Is(err, ErrDuplicate) {
			err = nil
		}
		if failed == nil || errors.Is(failed, ErrSeriesLimit) { // any other error comes first
			failed = cmp.Or(err, failed)
		}
	}
	if failed != nil {
		*m = before
	}
	return failed
}

func (m *naive) gc(mint int64) int {
	before := len(m.series)
	m.series = slices.DeleteFunc(m.series, func(s *naiveSeries) bool { return s.samples[len(s.samples)-1].T < mint })
	return before - len(m.series)
}

func (s *naiveSeries) matches(ms []*labels.Matcher) bool {
	return !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(s.l.Get(m.Name)) })
}

// answer is one series of a result.
type answer struct {
	Labels  string
	Samples []naiveSample
}

func (m *naive) query(mint, maxt int64, ms []*labels.Matcher) []answer {
	var as []answer
	for _, s := range m.series {
		a := answer{Labels: s.l.String()}
		for _, x := range s.samples {
			if x.T >= mint && x.T <= maxt {
				a.Samples = append(a.Samples, x)
			}
		}
		if len(a.Samples) > 0 && s.matches(ms) {
			as = append(as, a)
		}
	}
	return as
}

func (m *naive) latest(name string, asOf int64) []answer {
	var as []answer
	for _, a := range m.query(asOf-lookback+1, asOf, []*labels.Matcher{matcher(labels.MatchEqual, model.MetricNameLabel, name)}) {
		if last := a.Samples[len(a.Samples)-1]; last.Bits != value.StaleNaN {
			as = append(as, answer{a.Labels, []naiveSample{last}})
		}
	}
	return as
}
