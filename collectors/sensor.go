package collectors

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	dto "github.com/prometheus/client_model/go"
)

// errNoWindow says that a reading compares two samples and there is only the first: no failure, and the second may be
// taken soon.
var errNoWindow = errors.New("no earlier sample to compare with")

// firstWindow is how soon a reading is repeated after errNoWindow: long against the 10 ms steps in which the kernel
// counts CPU time, short against a start.
const firstWindow = time.Second

// sensor is one measured value: how it is read and what the last read gave.
type sensor struct {
	name string // "cpu", "memory", "disk:/data": its name in the log and among the calls
	read func() (float64, error)

	path   string           // of a disk
	labels []*dto.LabelPair // of a disk's series

	last time.Time // when the last read began; like soon, touched by the one running loop only
	soon bool      // the last read wants to be repeated after firstWindow

	mu      sync.Mutex
	value   float64   // NaN unless the last read gave a number
	taken   time.Time // when a read last gave a number
	failing bool
}

func newSensor(name string, read func() (float64, error)) *sensor {
	return &sensor{name: name, read: read, value: math.NaN()}
}

// current is the value and when there last was one; the zero time if there never was.
func (s *sensor) current() (value float64, taken time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, s.taken
}

// forget drops the value and lets the next loop begin with a read. No loop may be running.
func (s *sensor) forget() {
	s.last, s.soon = time.Time{}, false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = math.NaN()
}

// loop calls measure now and then each time every has passed since the last began, until ctx is done.
func (s *sensor) loop(ctx context.Context, every time.Duration, measure func()) {
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
func (s *sensor) measure(ctx context.Context, c *calls, timeout time.Duration, logger log.Logger) {
	began := time.Now()
	value, err := c.do(ctx, s.name, timeout, s.read)
	if ctx.Err() != nil {
		return // told to stop while reading: says nothing about the resource
	}
	s.last, s.soon = began, errors.Is(err, errNoWindow)
	s.keep(value, err, logger)
}

// keep stores the outcome of a read and logs when reading begins or ceases to fail.
func (s *sensor) keep(value float64, err error, logger log.Logger) {
	s.mu.Lock()
	was := s.failing
	switch {
	case err == nil:
		s.value, s.taken, s.failing = value, time.Now(), false
	case errors.Is(err, errNoWindow):
		s.value = math.NaN()
	default:
		s.value, s.failing = math.NaN(), true
	}
	is := s.failing
	s.mu.Unlock()
	switch {
	case is && !was:
		level.Warn(logger).Log("msg", "Resource can't be read", "collector", s.name, "err", err)
	case was && !is:
		level.Info(logger).Log("msg", "Resource can be read again", "collector", s.name)
	}
}
