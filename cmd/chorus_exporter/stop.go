package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"chorus"
)

// actionShutdown is the value of the label action that asks to stop the process.
const actionShutdown = "shutdown"

// shortestClose is what closing gets of a stop that has used up its time.
const shortestClose = 500 * time.Millisecond

// errUnclosed is why within did not wait any longer.
var errUnclosed = errors.New("ending although not all that was open has closed")

// closeTime is what is left of the stop's time for closing what outlives a run.
func (a *app) closeTime() time.Duration {
	if deadline := a.exporter.Shutdown().State().Deadline; !deadline.IsZero() {
		return min(max(time.Until(deadline), shortestClose), chorus.StopTimeout)
	}
	return chorus.StopTimeout
}

// within closes for no longer than limit, and not beyond one more signal to stop: a database on a disk that hangs may
// never close, and that must keep no process from ending.
func within(limit time.Duration, signals <-chan os.Signal, closing func() error) error {
	closed := make(chan error, 1)
	go func() { closed <- closing() }()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		select {
		case err := <-closed:
			return err
		case <-late.C:
			return fmt.Errorf("%w in %v", errUnclosed, limit)
		case s := <-signals:
			if s != syscall.SIGHUP {
				return fmt.Errorf("%w, after a second signal: %v", errUnclosed, s)
			}
		}
	}
}
