package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/go-kit/log/level"
)

// control is what signals do.
type control struct {
	app     *app
	signals <-chan os.Signal
	reload  chan<- struct{} // takes one request; more of them at once are one
	atOnce  chan struct{}   // closed by a second signal to stop
}

// obey reacts to signals. It returns, which stops everything, when the drain after a signal to stop is over.
func (c control) obey(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-c.signals:
			if c.isStop(s) {
				c.drain(ctx, s)
				return nil
			}
			select {
			case c.reload <- struct{}{}:
			default:
			}
		}
	}
}

// drain lets everybody see that the process is about to go, while it still answers.
func (c control) drain(ctx context.Context, s os.Signal) {
	delay := c.app.live.Load().drainDelay()
	level.Info(c.app.logger).Log("msg", "Stopping after a drain: "+s.String(), "duration", delay)
	c.app.evaluator.Stopping()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case s := <-c.signals:
			if c.isStop(s) {
				c.logAtOnce(s)
				close(c.atOnce)
				return
			}
		}
	}
}

func (c control) isStop(s os.Signal) bool { return s != syscall.SIGHUP }

func (c control) logAtOnce(s os.Signal) {
	level.Warn(c.app.logger).Log("msg", "Stopping at once after a second signal: "+s.String())
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
				level.Error(a.logger).Log("msg", "Reload refused, what was loaded before stays in force", "err", err)
			}
		}
	}
}
