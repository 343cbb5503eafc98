// Package store keeps the newest float samples of a bounded number of series in memory and serves them to a PromQL
// engine. It has one writer in mind, an evaluator that samples and records every few seconds, and any number of readers.
//
// # Memory
//
// A series that holds up to n samples occupies at most (n + n/4 + 16) × 16 bytes for them. n is retention / append
// interval and the number of series has a limit, so the whole is bounded by
//
//	MaxSeries × ((1.25 × retention / interval + 16) × 16 bytes + labels and index)
//
// AppendAt may add samples whose times lie ahead of the present; for these n counts that time too.
//
// For an hour at 5 s this is 15 kB a series, of which 300 bytes are labels and index (BenchmarkMemory). The store does
// not limit how often a series is appended to: the caller's shortest interval is part of the bound. On top come the
// allocator's size classes, at most an eighth, and the garbage that GOGC allows.
//
// # Locking
//
// One RWMutex guards everything. No method returns with it held or calls code that could come back: Select takes the
// read lock, notes the labels and the samples of each matching series as slices, and releases it before it returns.
// A query, however many queriers and selectors it has, therefore holds no lock while it runs and can neither deadlock
// with a writer nor delay it for longer than one Select.
//
// The samples are not copied for that. What keeps them still under a reader is the way a series is written: a sample that
// was appended is never changed, an append writes behind the end of every slice handed out before, retention moves the
// start of the series' own slice and nothing else, and growth copies into a new array (see series). So does the value that
// takes the place of a stale marker.
//
// # Times
//
// A series takes samples in order of their times. A sample may be newer than the present: it is read once its time has
// come.
package store

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// What Append refuses. The errors about time are Prometheus' own, so that code written for its storages knows them.
var (
	// ErrSeriesLimit refuses a new series while MaxSeries are held. Known series go on.
	ErrSeriesLimit = errors.New("series limit reached")
	// ErrOutOfOrder refuses a sample older than the newest one of its series.
	ErrOutOfOrder error = storage.ErrOutOfOrderSample
	// ErrOutOfBounds refuses a sample older than retention.
	ErrOutOfBounds error = storage.ErrOutOfBounds
	// ErrDuplicate refuses another value for the newest timestamp of a series. The first one stays.
	ErrDuplicate error = storage.ErrDuplicateSampleForTimestamp
)

// Options configure a Store. Both are required.
type Options struct {
	Retention time.Duration // how long before the newest sample of a series its samples are kept
	MaxSeries int           // how many series are held at the same time
}

// Ref is a stable handle of a series. It spares Append the look-up by labels. The zero Ref is no series; a Ref is never
// given to another series, also not after its own was collected.
type Ref uint64

// Store is a storage.Queryable over the newest samples of a bounded number of series. All methods are safe for
// concurrent use.
type Store struct {
	maxSeries int

	mtx       sync.RWMutex
	retention int64 // ms
	index     *index
	samples   int // held by all series
}

var _ storage.Queryable = (*Store)(nil)

// New returns an empty Store.
func New(o Options) (*Store, error) {
	if o.Retention <= 0 {
		return nil, fmt.Errorf("create store: retention is %s, it must be positive", o.Retention)
	}
	if o.MaxSeries <= 0 {
		return nil, fmt.Errorf("create store: series limit is %d, it must be positive", o.MaxSeries)
	}
	return &Store{maxSeries: o.MaxSeries, retention: o.Retention.Milliseconds(), index: newIndex()}, nil
}

// SetRetention changes how long samples are kept. A shorter time takes effect on each series with its next sample. Of a
// duration that is not positive the newest sample of each series is left.
func (s *Store) SetRetention(d time.Duration) {
	s.mtx.Lock()
	defer s.mtx.Unlock()
	s.retention = d.Milliseconds()
}

// Append adds the sample v at t (ms) to the series of ref or, if that is zero or its series was collected, of l, which is
// created if need be. It returns the Ref to append with next time, also beside an error about the sample's time. A stale
// marker is a sample like any other, except that a value takes its place at the same time. The newest sample once more,
// bit by bit, is no error and changes nothing.
//
// l is not read when ref has a series: the caller vouches that they belong together. l is not kept.
func (s *Store) Append(ref Ref, l labels.Labels, t int64, v float64) (Ref, error) {
	return s.AppendAt(ref, l, t, v, t)
}

// AppendAt is Append for a sample whose time t is not the present, now. Retention counts from now.
func (s *Store) AppendAt(ref Ref, l labels.Labels, t int64, v float64, now int64) (Ref, error) {
	s.mtx.Lock()
	defer s.mtx.Unlock()
	if t < now && t < now-s.retention {
		return ref, ErrOutOfBounds
	}
	m := s.index.byRef(ref)
	if m == nil {
		var err error
		if m, err = s.byLabels(l); err != nil {
			return 0, err
		}
	}
	as, err := m.judge(t, v)
	if err != nil {
		return m.ref, err
	}
	s.samples += m.put(as, t, v, now-s.retention)
	return m.ref, nil
}

// byLabels finds or creates a series. A created one is empty; Append gives it its first sample under the same lock.
func (s *Store) byLabels(l labels.Labels) (*series, error) {
	l = l.WithoutEmpty()
	hash := l.Hash()
	if m := s.index.byLabels(hash, l); m != nil {
		return m, nil
	}
	if s.index.len() >= s.maxSeries {
		return nil, ErrSeriesLimit
	}
	if err := validate(l); err != nil {
		return nil, err
	}
	return s.index.add(hash, l.Copy()), nil
}

func validate(l labels.Labels) error {
	if l.IsEmpty() {
		return errors.New("append sample: the series has no labels")
	}
	if name, dup := l.HasDuplicateLabelNames(); dup {
		return fmt.Errorf("append sample: the series has the label %q twice", name)
	}
	return nil
}

// Latest calls f for every series of the metric name that a plain selector finds at asOf (ms), with its value, in the
// order in which the series came into the store. f may use the store.
func (s *Store) Latest(name string, asOf int64, f func(l labels.Labels, v float64)) {
	type current struct {
		labels labels.Labels
		value  float64
	}
	s.mtx.RLock()
	all := s.index.postings[model.MetricNameLabel][name]
	found := make([]current, 0, len(all))
	for _, m := range all {
		if v, ok := m.asOf(asOf); ok {
			found = append(found, current{m.labels, v})
		}
	}
	s.mtx.RUnlock()
	for _, c := range found {
		f(c.labels, c.value)
	}
}

// GC drops every series that has no sample at or after mint (ms) and returns how many it dropped. Slices that a query in
// flight holds stay as they are.
func (s *Store) GC(mint int64) int {
	s.mtx.Lock()
	defer s.mtx.Unlock()
	return s.index.remove(func(m *series) bool {
		if m.newest().t >= mint {
			return false
		}
		s.samples -= len(m.samples)
		return true
	})
}

// Stats counts the series and the samples held.
func (s *Store) Stats() (series, samples int) {
	s.mtx.RLock()
	defer s.mtx.RUnlock()
	return s.index.len(), s.samples
}
