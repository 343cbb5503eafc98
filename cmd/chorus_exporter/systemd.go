package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"chorus/evaluator"
)

// systemd tells the service manager how the process is, where one started it (Type=notify): READY from the first complete
// evaluation on, STOPPING when a stop begins, the verdict as STATUS, and WATCHDOG with each finished evaluation and
// nothing else, so that an evaluator that hangs is noticed. Whoever calls it never waits for the socket.
type systemd struct {
	logger log.Logger
	notify func(state string) error // nil: there is nobody to tell

	mu       sync.Mutex
	fed      time.Time // the end of the newest evaluation that was told of
	watchdog bool      // an evaluation has finished since the last message
	ready    bool
	stops    bool
	status   string
	changed  chan struct{} // of size 1
}

func newSystemd(logger log.Logger) *systemd {
	s := &systemd{logger: logger, changed: make(chan struct{}, 1)}
	if os.Getenv("NOTIFY_SOCKET") != "" {
		s.notify = func(state string) error {
			_, err := daemon.SdNotify(false, state)
			return err
		}
	}
	return s
}

// evaluated is told of every verdict.
func (s *systemd) evaluated(snap *evaluator.Snapshot) {
	s.change(func() {
		s.watchdog = s.watchdog || snap.Finished.After(s.fed)
		s.fed = snap.Finished
		s.ready = s.ready || snap.Complete
		s.status = string(snap.Status) + ": " + snap.Message
	})
}

// stopping is told when a stop begins.
func (s *systemd) stopping() { s.change(func() { s.stops = true }) }

func (s *systemd) change(by func()) {
	s.mu.Lock()
	by()
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// run sends what changed until ctx is done.
func (s *systemd) run(ctx context.Context) error {
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		}
		if s.notify == nil {
			continue
		}
		err := s.notify(s.message())
		if err != nil && !failed { // once: it would repeat with every evaluation
			level.Warn(s.logger).Log("msg", "Failed to notify systemd", "err", err)
		}
		failed = err != nil
	}
}

// message is what is to be sent now, one assignment a line (see sd_notify(3)).
func (s *systemd) message() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	switch {
	case s.stops:
		lines = append(lines, "STOPPING=1")
	case s.ready:
		lines = append(lines, "READY=1")
	}
	if s.watchdog {
		lines = append(lines, "WATCHDOG=1")
	}
	s.watchdog = false
	return strings.Join(append(lines, "STATUS="+strings.ReplaceAll(s.status, "\n", " ")), "\n")
}
