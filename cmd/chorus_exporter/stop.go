package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/go-kit/log/level"

	"chorus/evaluator"
	"chorus/evaluator/shutdown"
)

// actionShutdown is the value of the label action that asks to stop the process.
const actionShutdown = "shutdown"

// ownComponent is the exporter itself, the last that stops.
const ownComponent = "exporter"

// addShutdown makes what stops everything in order, be it a signal or a rule that asks for it.
func (a *app) addShutdown(p *plan) (err error) {
	s := p.config.Shutdown
	a.manager, err = shutdown.New(shutdown.Options{
		DrainDelay: cmp.Or(time.Duration(s.DrainDelay), -1), // 0 would be a default
		Timeout:    time.Duration(s.Timeout),
		OnStopping: func(shutdown.Request) {
			a.systemd.stopping()
			a.evaluator.Stopping()
		},
		OnChange:   func(shutdown.State) { a.handler.Refresh() },
		Registerer: a.registry,
		Logger:     a.logger,
	})
	if err != nil {
		return err
	}
	return a.applyShutdown(p)
}

// applyShutdown puts the shutdown settings of a plan into force. In mode observe hooks are checked and not run.
func (a *app) applyShutdown(p *plan) error {
	s := p.config.Shutdown
	hooks, err := s.components()
	if err != nil {
		return err
	}
	if s.Mode != modeHooks {
		hooks = nil
	}
	return a.manager.Apply(time.Duration(s.DrainDelay), time.Duration(s.Timeout), hooks)
}

// mode is what happens when a rule asks for a shutdown.
func (a *app) mode() string { return a.live.Load().config.Shutdown.Mode }

// act is told of an action rule that fires.
func (a *app) act(_ context.Context, action evaluator.Action) {
	request := shutdown.Request{
		Cause: shutdown.CauseRule, Reason: action.Alert.Summary, Check: action.Alert.Check, Rule: action.Alert.Name,
		Time: action.Time,
	}
	a.switching.Lock()
	defer a.switching.Unlock()
	if a.mode() == modeObserve {
		a.manager.Observe(request)
		level.Warn(a.logger).Log("msg", "Shutdown requested by a rule; not acting because shutdown.mode is \"observe\": "+
			request.Reason, "action", action.Name, "check", request.Check, "rule", request.Rule)
		return
	}
	a.manager.Request(request)
}

// stopExporter is the last step of a stop: it ends all parts and waits for them.
func stopExporter(interrupt func(), all <-chan struct{}, parts *parts) shutdown.Component {
	return shutdown.Component{
		Name: ownComponent, Phase: shutdown.PostShutdown, Priority: minPriority - 1,
		Stop: func(ctx context.Context) error {
			interrupt()
			select {
			case <-all:
				return nil
			case <-ctx.Done():
				return fmt.Errorf("these parts have not ended: %s", parts)
			}
		},
	}
}

// shortestClose is what closing gets of a stop that has used up its time.
const shortestClose = 500 * time.Millisecond

// errUnclosed is why within did not wait any longer.
var errUnclosed = errors.New("ending although not all that was open has closed")

// closeTime is what is left of the stop's time for closing what outlives a run.
func (a *app) closeTime() time.Duration {
	if deadline := a.manager.State().Deadline; !deadline.IsZero() {
		return min(max(time.Until(deadline), shortestClose), stopTimeout)
	}
	return stopTimeout
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
