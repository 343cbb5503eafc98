package chorus

import (
	"context"
	"slices"
	"time"

	"github.com/go-kit/log/level"

	"chorus/evaluator"
	"chorus/evaluator/shutdown"
)

// addShutdown makes what stops everything in order, whoever asks for it.
func (e *Exporter) addShutdown(p prepared) (err error) {
	e.manager, err = shutdown.New(shutdown.Options{
		OnStopping: func(r shutdown.Request) {
			if e.opts.OnStopping != nil {
				e.opts.OnStopping(r)
			}
			e.evaluator.Stopping()
		},
		OnChange:   func(shutdown.State) { e.handler.Refresh() },
		Registerer: e.registry,
		Logger:     e.logger,
	})
	if err != nil {
		return err
	}
	return e.manager.Apply(p.drain, p.timeout, p.hooks)
}

// Mode is what happens now when a rule asks for a stop.
func (e *Exporter) Mode() Mode { return *e.mode.Load() }

// act is told of an action rule that fires.
func (e *Exporter) act(_ context.Context, action evaluator.Action) {
	request := shutdown.Request{
		Cause: shutdown.CauseRule, Reason: action.Alert.Summary, Check: action.Alert.Check, Rule: action.Alert.Name,
		Time: action.Time,
	}
	e.switching.Lock()
	defer e.switching.Unlock()
	if e.Mode() == Observe {
		e.manager.Observe(request)
		level.Warn(e.logger).Log("msg", "Shutdown requested by a rule; not acting because shutdown.mode is \"observe\": "+
			request.Reason, "action", action.Name, "check", request.Check, "rule", request.Rule)
		return
	}
	e.manager.Request(request)
}

// Standing is what other exporters of a fleet are told: the status, and whether this node is about to be stopped by a rule,
// or would be if the fleet did not hold it back.
func (e *Exporter) Standing() (status evaluator.Status, wantsStop bool) {
	return standing(e.evaluator.Snapshot(), e.Mode(), time.Now())
}

func standing(snap *evaluator.Snapshot, mode Mode, now time.Time) (status evaluator.Status, wantsStop bool) {
	if snap.Status != evaluator.Stopping && snap.Stalled(now) { // one that stops goes on, whatever it knows
		return evaluator.Unhealthy, false
	}
	return snap.Status, mode != Observe && asksForStop(snap)
}

// asksForStop reports whether a rule asks for a stop. What the evaluator holds back is left out: when that ends, the rule's
// minute begins again. Where something else holds it back, nobody should wait for it: the others would wait for ever.
func asksForStop(snap *evaluator.Snapshot) bool {
	if len(snap.Failing) > 0 || snap.Partial || snap.Status == evaluator.Starting {
		return false
	}
	return slices.ContainsFunc(snap.Alerts, func(alert evaluator.Alert) bool {
		asks := alert.Labels["action"] == actionShutdown || alert.Labels["holds"] == actionShutdown
		return asks && !slices.ContainsFunc(snap.Checks, func(c evaluator.Check) bool {
			return c.Name == alert.Check && c.State == evaluator.StateUnknown
		})
	})
}
