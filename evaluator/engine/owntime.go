package engine

import (
	"errors"
	"math"
	"time"

	"chorus/evaluator/store"
)

// A metric may bring the time of its sample. That time is kept, as by a scrape with honor_timestamps: the sample ages from
// then on, it is never marked stale by its absence, and one that the store can't take is dropped and counted.

// maxAhead is how far in the future a sample's own time may lie, as for a scrape.
const maxAhead = 10 * time.Minute

// Why samples are dropped, as Prometheus names it.
const (
	dropDuplicate   = "duplicate"     // another value for the time of the last sample
	dropOutOfOrder  = "out_of_order"  // older than the last sample
	dropOutOfBounds = "out_of_bounds" // older than retention or further ahead than maxAhead
)

// DropReasons lists the reasons that Dropped counts by.
func DropReasons() []string { return []string{dropDuplicate, dropOutOfOrder, dropOutOfBounds} }

// dropFor counts a sample that the store refuses because of its time.
func (s *sampler) dropFor(err error) {
	switch {
	case errors.Is(err, store.ErrDuplicate):
		s.dropped[dropDuplicate]++
	case errors.Is(err, store.ErrOutOfOrder):
		s.dropped[dropOutOfOrder]++
	case errors.Is(err, store.ErrOutOfBounds):
		s.dropped[dropOutOfBounds]++
	}
}

// appendStamped appends a sample that brings its own time. The series is to be kept in mind if it was known before or the
// sample was taken. One whose samples brought no time until now is left to get the stale marker of what vanished, as in
// Prometheus.
func (s *sampler) appendStamped(e *sampled, v float64) (taken bool, err error) {
	own := *s.own
	if e.stamped {
		e.round = s.round
		if e.own == own { // compared as it came: after a step of the clock it would be another steady time
			if math.Float64bits(e.value) != math.Float64bits(v) {
				s.dropped[dropDuplicate]++
			}
			return true, nil
		}
	}
	t := own - s.at.Offset.Milliseconds()
	if t > s.at.Steady+maxAhead.Milliseconds() {
		s.dropped[dropOutOfBounds]++
		return false, nil
	}
	ref, err := s.engine.Store.AppendAt(e.ref, e.lset, t, v, s.at.Steady)
	if errors.Is(err, store.ErrSeriesLimit) {
		return false, err
	}
	if err != nil {
		s.dropFor(err)
		return false, nil
	}
	e.ref = ref
	if e.stamped || e.round == 0 {
		e.round, e.stamped, e.own, e.value = s.round, true, own, v
	}
	return true, nil
}
