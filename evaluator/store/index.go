package store

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// index finds series: by Ref, by their labels, by matchers. It is not safe for concurrent use; Store's lock guards it.
type index struct {
	slots    []slot   // by the lower half of a Ref
	free     []uint32 // empty slots
	hashes   map[uint64]*series
	postings map[string]map[string][]*series // label name, value: who carries it, in order of arrival
}

// slot is a place for a series. The generation tells the series that had it one after the other apart.
type slot struct {
	series     *series
	generation uint32
}

func newIndex() *index {
	return &index{hashes: map[uint64]*series{}, postings: map[string]map[string][]*series{}}
}

// len counts the series.
func (x *index) len() int { return len(x.slots) - len(x.free) }

// byRef returns nil for a Ref that was never given or whose series is gone.
func (x *index) byRef(ref Ref) *series {
	i := uint64(uint32(ref))
	if i >= uint64(len(x.slots)) {
		return nil
	}
	if s := x.slots[i].series; s != nil && s.ref == ref {
		return s
	}
	return nil
}

// byLabels returns nil if there is no series of these labels. hash is theirs.
func (x *index) byLabels(hash uint64, l labels.Labels) *series {
	s := x.hashes[hash]
	for s != nil && !labels.Equal(s.labels, l) {
		s = s.next
	}
	return s
}

// add creates the series of labels that are not there yet. hash is theirs; l is kept.
func (x *index) add(hash uint64, l labels.Labels) *series {
	var i uint32
	if n := len(x.free); n > 0 {
		i = x.free[n-1]
		x.free = x.free[:n-1]
	} else {
		i = uint32(len(x.slots))
		x.slots = append(x.slots, slot{})
	}
	place := &x.slots[i]
	place.generation++ // from 1, so that no Ref is zero
	s := &series{
		ref:    Ref(place.generation)<<32 | Ref(i),
		hash:   hash,
		labels: l,
		next:   x.hashes[hash],
	}
	place.series = s
	x.hashes[hash] = s
	l.Range(func(pair labels.Label) {
		values := x.postings[pair.Name]
		if values == nil {
			values = map[string][]*series{}
			x.postings[pair.Name] = values
		}
		values[pair.Value] = append(values[pair.Value], s)
	})
	return s
}

// remove drops every series for which drop says so and returns how many. Each list of postings that lost a series is
// rewritten once, whatever it lost: a look-up for every series would be quadratic.
func (x *index) remove(drop func(*series) bool) int {
	count := 0
	touched := map[labels.Label]struct{}{}
	for i := range x.slots {
		s := x.slots[i].series
		if s == nil || !drop(s) {
			continue
		}
		count++
		s.removed = true
		x.slots[i].series = nil
		x.free = append(x.free, uint32(i))
		x.unlink(s)
		s.labels.Range(func(pair labels.Label) { touched[pair] = struct{}{} })
	}
	for pair := range touched {
		x.rewrite(pair)
	}
	return count
}

// unlink takes a series out of the chain of its hash.
func (x *index) unlink(s *series) {
	first := x.hashes[s.hash]
	if first == s {
		if s.next == nil {
			delete(x.hashes, s.hash)
		} else {
			x.hashes[s.hash] = s.next
		}
		return
	}
	for first.next != s {
		first = first.next
	}
	first.next = s.next
}

// rewrite takes the removed series out of the postings of one label.
func (x *index) rewrite(pair labels.Label) {
	values := x.postings[pair.Name]
	left := slices.DeleteFunc(values[pair.Value], func(s *series) bool { return s.removed })
	if len(left) > 0 {
		values[pair.Value] = left
		return
	}
	delete(values, pair.Value)
	if len(values) == 0 {
		delete(x.postings, pair.Name)
	}
}

// candidates returns series among which are all that match, in an order that depends on the index alone, and the
// matchers that are left to be tried on each. The slice is the index's own: read it under the lock, don't change it.
func (x *index) candidates(ms []*labels.Matcher) ([]*series, []*labels.Matcher) {
	best, fewest := -1, 0
	for i, m := range ms {
		if m.Type != labels.MatchEqual || m.Value == "" {
			continue // an empty value also means series without the label, which are in no postings
		}
		if n := len(x.postings[m.Name][m.Value]); best < 0 || n < fewest {
			best, fewest = i, n
		}
	}
	if best >= 0 {
		m := ms[best]
		return x.postings[m.Name][m.Value], without(ms, best)
	}
	for i, m := range ms {
		if !m.Matches("") {
			return x.union(m), without(ms, i)
		}
	}
	return x.all(), ms
}

// union collects the series that carry a value which m matches. Each value is tried once, not once per series.
func (x *index) union(m *labels.Matcher) []*series {
	values := x.postings[m.Name]
	var matching []string
	for v := range values {
		if m.Matches(v) {
			matching = append(matching, v)
		}
	}
	slices.Sort(matching)
	var found []*series
	for _, v := range matching {
		found = append(found, values[v]...)
	}
	return found
}

// all lists every series.
func (x *index) all() []*series {
	found := make([]*series, 0, x.len())
	for i := range x.slots {
		if s := x.slots[i].series; s != nil {
			found = append(found, s)
		}
	}
	return found
}

// without copies ms except for the one at i.
func without(ms []*labels.Matcher, i int) []*labels.Matcher {
	return append(slices.Clone(ms[:i]), ms[i+1:]...)
}

// matches tries every matcher.
func matches(l labels.Labels, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}
