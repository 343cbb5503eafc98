package store

import (
	"errors"
	"fmt"

	"github.com/prometheus/prometheus/model/labels"
)

// Entry is a sample of a Write, for the series of Ref or, if that is zero or its series was collected, of Labels. Write
// sets Ref, except on an error.
type Entry struct {
	Ref    Ref
	Labels labels.Labels
	Value  float64
	Yields bool // another value that the series has at the same time stands, without an error

	series *series
	as     verdict
}

// Write appends entries of different series at t (ms): all of them or, on an error, none. It makes new series only up to
// limit in the whole store, or MaxSeries if that is less; a store that holds more keeps the series it has.
func (s *Store) Write(t int64, limit int, entries []Entry) error {
	s.mtx.Lock()
	defer s.mtx.Unlock()
	missing := 0
	for i := range entries {
		e := &entries[i]
		e.series, e.as = s.index.byRef(e.Ref), added
		if e.series == nil {
			l := e.Labels.WithoutEmpty()
			if e.series = s.index.byLabels(l.Hash(), l); e.series == nil {
				if err := validate(l); err != nil {
					return err
				}
				missing++
				continue
			}
		}
		as, err := e.series.judge(t, e.Value)
		if e.Yields && errors.Is(err, ErrDuplicate) {
			as, err = repeated, nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Labels, err)
		}
		e.as = as
	}
	if missing > 0 && s.index.len()+missing > min(limit, s.maxSeries) {
		return ErrSeriesLimit
	}
	for i := range entries {
		e := &entries[i]
		if e.series == nil {
			l := e.Labels.WithoutEmpty()
			e.series = s.index.add(l.Hash(), l.Copy())
		}
		s.samples += e.series.put(e.as, t, e.Value, t-s.retention)
		e.Ref, e.series = e.series.ref, nil
	}
	return nil
}
