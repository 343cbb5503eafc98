package store

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
)

// sample is a value at a time.
type sample struct {
	t int64 // ms
	v float64
}

// series is one series: its labels and a window that slides over an append-only array.
//
// The array behind samples is written once, front to back. Readers hold slices of it that end at or before the length
// they were taken at, so they never see an element that is still to be written and what they see never changes: that is
// what makes reading without copy and without lock safe. When the array is full, the window moves on to a new one and
// the old one lives for as long as a reader holds it.
type series struct {
	ref     Ref
	hash    uint64
	labels  labels.Labels
	next    *series // another series with the same hash
	removed bool    // set for the moment in which the index drops it
	samples []sample
}

// newest is the last sample. Every series in the index has one outside the lock.
func (s *series) newest() sample { return s.samples[len(s.samples)-1] }

// append adds a sample and lets go of those older than retention (ms) before it. It returns by how many samples the
// series grew, which is negative when more were dropped than added.
func (s *series) append(t int64, v float64, retention int64) (int, error) {
	before := len(s.samples)
	if before > 0 {
		switch last := s.newest(); {
		case t < last.t:
			return 0, ErrOutOfOrder
		case t == last.t && math.Float64bits(v) == math.Float64bits(last.v):
			return 0, nil
		case t == last.t:
			return 0, ErrDuplicate
		}
	}
	s.trim(t - retention)
	if len(s.samples) == cap(s.samples) {
		s.move()
	}
	s.samples = append(s.samples, sample{t, v})
	return len(s.samples) - before, nil
}

// trim drops the samples before mint. It usually drops one, hence no search.
func (s *series) trim(mint int64) {
	i := 0
	for i < len(s.samples) && s.samples[i].t < mint {
		i++
	}
	s.samples = s.samples[i:]
}

// move copies the window to a new array with room behind it.
func (s *series) move() {
	n := len(s.samples)
	moved := make([]sample, n, n+room(s.ref, n))
	copy(moved, s.samples)
	s.samples = moved
}

// room is how many samples an array has beyond the n that move into it: from an eighth to a quarter of n, plus 8 to 15.
// The spread keeps series that were born together from moving together: with 50,000 of them an evaluation would stall
// while it copies every window at once.
func room(ref Ref, n int) int {
	const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: multiplying by it scatters neighbours
	step := uint64(n/8 + 8)
	return int(step + (uint64(ref)+uint64(n))*golden>>33%step)
}

// between is the part of the window from mint to maxt, both included.
func (s *series) between(mint, maxt int64) []sample {
	end := len(s.samples)
	if s.newest().t > maxt {
		end = search(s.samples, maxt+1)
	}
	part := s.samples[:end]
	return part[search(part, mint):]
}

// at is the value at exactly t.
func (s *series) at(t int64) (float64, bool) {
	if last := s.newest(); last.t == t {
		return last.v, true
	}
	if i := search(s.samples, t); i < len(s.samples) && s.samples[i].t == t {
		return s.samples[i].v, true
	}
	return 0, false
}

// search is the index of the first sample at or after t, or len(ss).
func search(ss []sample, t int64) int {
	lo, hi := 0, len(ss)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); ss[mid].t < t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
