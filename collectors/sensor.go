package collectors

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// errNoWindow says that a reading compares two samples and there is only the first: not a failure, and the second may be
// taken soon.
var errNoWindow = errors.New("no earlier sample to compare with")

// firstWindow is how soon a reading is repeated after errNoWindow: long against the 10 ms steps in which the kernel
// counts CPU time, short against a start.
const firstWindow = time.Second

// sensor is one measured value: how it is read and what the last read gave.
type sensor[T any] struct {
	name string // "cpu", "memory", "disk:/data": its name in the log and among the calls
	read func() (T, error)

	last time.Time // when the last read began; like soon, touched by the one running loop only
	soon bool      // the last read wants to be repeated after firstWindow

	mu    sync.Mutex
	kept  reading[T]
	again bool    // the next loop begins with a read
	seen  func(T) // called with every value, under mu; may be nil
}

// reading is what is known of a value.
type reading[T any] struct {
	value T
	known bool      // the last read gave the value
	err   error     // why the last read failed; nil also before the first
	taken time.Time // when a read last gave a value; the zero time if none ever did
}

func newSensor[T any](name string, read func() (T, error)) *sensor[T] {
	return &sensor[T]{name: name, read: read}
}

// current returns what is known of the value.
func (s *sensor[T]) current() reading[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// forget drops the value and lets the next loop begin with a read. No loop may be running.
func (s *sensor[T]) forget() {
	s.last, s.soon = time.Time{}, false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = reading[T]{taken: s.kept.taken}
}

// loop calls measure now and then each time every has passed since the last began, until ctx is done.
func (s *sensor[T]) loop(ctx context.Context, every time.Duration, measure func()) {
	s.mu.Lock()
	if s.again {
		s.last, s.again = time.Time{}, false
	}
	s.mu.Unlock()
	for ctx.Err() == nil {
		wait := every
		if s.soon {
			wait = min(every, firstWindow)
		}
		timer := time.NewTimer(time.Until(s.last.Add(wait)))
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
			measure()
		}
	}
}

// measure reads once, under timeout, and keeps the outcome.
func (s *sensor[T]) measure(ctx context.Context, c *calls[T], timeout time.Duration, logger log.Logger) {
	began := time.Now()
	value, err := c.do(ctx, s.name, timeout, s.read)
	if ctx.Err() != nil {
		return // told to stop while reading: says nothing about the resource
	}
	s.last, s.soon = began, errors.Is(err, errNoWindow)
	s.keep(value, err, logger)
}

// keep stores the outcome of a read and logs when reading begins or ceases to fail.
func (s *sensor[T]) keep(value T, err error, logger log.Logger) {
	s.mu.Lock()
	was := s.kept.err != nil
	switch {
	case err == nil:
		s.kept = reading[T]{value: value, known: true, taken: time.Now()}
		if s.seen != nil {
			s.seen(value)
		}
	case errors.Is(err, errNoWindow): // what failed before has not worked yet
		s.kept = reading[T]{err: s.kept.err, taken: s.kept.taken}
	default:
		s.kept = reading[T]{err: err, taken: s.kept.taken}
	}
	is := s.kept.err != nil
	s.mu.Unlock()
	switch {
	case is && !was:
		level.Warn(logger).Log("msg", "Failed to read a resource", "collector", s.name, "err", err)
	case was && !is:
		level.Info(logger).Log("msg", "Resource can be read again", "collector", s.name)
	}
}
