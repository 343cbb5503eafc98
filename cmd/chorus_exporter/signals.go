package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/go-kit/log/level"

	"chorus/evaluator/shutdown"
)

// control is what signals do.
type control struct {
	app     *app
	signals <-chan os.Signal
	reload  chan<- struct{} // takes one request; more of them at once are one
}

// obey does what a signal asks for. False says that everything should end at once.
func (c control) obey(s os.Signal) bool {
	if s == syscall.SIGHUP {
		select {
		case c.reload <- struct{}{}:
		default:
		}
		return true
	}
	first := c.app.manager.Request(shutdown.Request{Cause: shutdown.CauseSignal, Reason: s.String(), Time: time.Now()})
	if !first && c.app.signalled.Swap(true) {
		level.Warn(c.app.logger).Log("msg", "Stopping at once after a second signal: "+s.String())
		return false
	}
	c.app.signalled.Store(true)
	return true
}

// reloadOn reloads at every request. It has a goroutine of its own, so that a file system that hangs keeps no signal
// from being heard.
func (a *app) reloadOn(ctx context.Context, requests <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-requests:
			if err := a.reload(ctx); err != nil {
				level.Error(a.logger).Log("msg", "Reload failed; the previous configuration stays in force", "err", err)
			}
		}
	}
}
