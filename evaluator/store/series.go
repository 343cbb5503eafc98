package store

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
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

// verdict is what becomes of a sample.
type verdict int

const (
	added    verdict = iota
	replaced         // it takes the place of a stale marker of the same time
	repeated         // the series ends with it already
)

// judge says what becomes of v at t. Unlike in Prometheus a value takes the place of a stale marker of the same time: one
// rule may end a series before another one goes on with it.
func (s *series) judge(t int64, v float64) (verdict, error) {
	if len(s.samples) == 0 {
		return added, nil
	}
	switch last := s.newest(); {
	case t > last.t:
		return added, nil
	case t < last.t:
		return added, ErrOutOfOrder
	case math.Float64bits(v) == math.Float64bits(last.v):
		return repeated, nil
	case value.IsStaleNaN(last.v):
		return replaced, nil
	}
	return added, ErrDuplicate
}

// put writes a sample as judge said and lets go of those before mint. It returns by how many samples the series grew,
// which is negative when more were dropped than added.
func (s *series) put(as verdict, t int64, v float64, mint int64) int {
	switch as {
	case repeated:
		return 0
	case replaced:
		s.move() // a reader may hold the array
		s.samples[len(s.samples)-1].v = v
		return 0
	}
	before := len(s.samples)
	s.trim(mint)
	if len(s.samples) == cap(s.samples) {
		s.move()
	}
	s.samples = append(s.samples, sample{t, v})
	return len(s.samples) - before
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

// asOf is the sample that a plain selector at t takes: the newest one by then, unless that is a stale marker or as old as
// the lookback.
func (s *series) asOf(t int64) (float64, bool) {
	last := s.newest()
	if last.t > t {
		i := search(s.samples, t+1)
		if i == 0 {
			return 0, false
		}
		last = s.samples[i-1]
	}
	return last.v, last.t > t-lookback && !value.IsStaleNaN(last.v)
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
