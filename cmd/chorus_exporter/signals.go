package main

import (
	"os"
	"syscall"
	"time"

	"github.com/go-kit/log/level"

	"chorus/evaluator/shutdown"
)

// obey does what a signal asks for. False says that everything should end at once.
func (a *app) obey(s os.Signal) bool {
	if s == syscall.SIGHUP {
		select {
		case a.reload <- struct{}{}:
		default:
		}
		return true
	}
	stop := a.exporter.Shutdown()
	first := stop.Request(shutdown.Request{Cause: shutdown.CauseSignal, Reason: s.String(), Time: time.Now()})
	if !first && a.signalled.Swap(true) {
		level.Warn(a.logger).Log("msg", "Stopping at once after a second signal: "+s.String())
		return false
	}
	a.signalled.Store(true)
	return true
}
