package evaluator

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log/level"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// holdsLabel is the label of an alert that says that an action is held back. verdict.ActionLabel asks for one.
const holdsLabel = "holds"

// Action is a rule labelled with an action that started firing.
type Action struct {
	Name  string // the label action
	Alert Alert
	Time  time.Time
}

// ActionEvent is a while in which an action was asked for or held back: an alert with the label action or holds fired.
type ActionEvent struct {
	Action   string // the value of that label
	Rule     string
	Check    string
	Summary  string    // the alert's newest
	Held     string    // why it was not done; "" where OnAction was told
	ActiveAt time.Time // since when the alert's expression held
	FiredAt  time.Time // when the rule's `for` was over
	EndedAt  time.Time // zero while it fires
}

// actions is what became of the newest alerts that speak of an action.
type actions struct {
	entries int // kept at the most

	mu     sync.Mutex
	events []*ActionEvent          // oldest first
	open   map[string]*ActionEvent // those that fire, by the alert's labels
}

// followActions hands every alert that fires with an action to OnAction, once, unless something holds it back, and keeps
// what became of it.
func (e *Evaluator) followActions(ctx context.Context, snap *Snapshot, s engine.Stamp) {
	held := e.holdsBack(snap)
	firing := map[string]bool{}
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			for _, a := range r.Active {
				name, holds := a.Labels.Get(verdict.ActionLabel), a.Labels.Get(holdsLabel)
				why := ""
				if name != "" {
					why = a.HoldBack(held(a.Labels.Get(checkNameLabel)), s.Steady)
				}
				if !a.Firing || name == "" && holds == "" {
					continue
				}
				alert := e.publicAlert(a, nil)
				if name == "" {
					why = alert.Summary
				} else {
					e.startAction(ctx, a, Action{Name: name, Alert: alert, Time: s.Wall}, why)
				}
				key := labelKey(a.Labels)
				firing[key] = true
				e.actions.saw(key, alert, name+holds, why, s.Wall)
			}
		}
	}
	e.actions.end(firing, s.Wall)
}

// startAction tells OnAction of an alert that it was not told of since it fires.
func (e *Evaluator) startAction(ctx context.Context, a *engine.Alert, action Action, held string) {
	if a.Acted || held != "" || e.opts.OnAction == nil {
		return
	}
	a.Acted = true
	level.Info(e.opts.Logger).Log("msg", "Action rule fires", "action", action.Name, "rule", action.Alert.Name,
		"check", action.Alert.Check)
	e.acting.Go(func() { e.opts.OnAction(ctx, action) })
}

// holdsBack says of a check why nothing may be done for it now, whatever a rule says; "" if it may. Nothing is ever done
// out of no data, out of an error, after a stall, or before every check had a first result.
func (e *Evaluator) holdsBack(snap *Snapshot) func(check string) string {
	switch {
	case e.inPhase(phaseStarting), snap.Status == Starting: // the phase may have ended after the rules saw it
		return func(string) string { return "the first complete evaluation is still to come" }
	case len(snap.Failing) > 0:
		text := "rules fail to evaluate in group " + strings.Join(snap.Failing, ", ")
		return func(string) string { return text }
	case snap.Partial:
		return func(string) string { return "not all that is measured could be read" }
	case e.Snapshot().Stalled(snap.Finished):
		text := "no evaluation had finished for " + snap.StallTimeout.String()
		return func(string) string { return text }
	}
	known := map[string]bool{"": true} // an alert may speak for no check
	for i := range snap.Checks {
		known[snap.Checks[i].Name] = snap.Checks[i].State != StateUnknown
	}
	return func(check string) string {
		if !known[check] {
			return "nothing is known of the check"
		}
		return ""
	}
}

// saw notes that an alert fires.
func (as *actions) saw(key string, a Alert, action, held string, now time.Time) {
	as.mu.Lock()
	defer as.mu.Unlock()
	ev := as.open[key]
	if ev == nil {
		ev = &ActionEvent{Action: action, Rule: a.Name, Check: a.Check, ActiveAt: a.ActiveAt, FiredAt: now}
		if as.open == nil {
			as.open = map[string]*ActionEvent{}
		}
		as.open[key] = ev
		if as.events = append(as.events, ev); len(as.events) > as.entries {
			as.events = slices.Delete(as.events, 0, len(as.events)-as.entries)
		}
	}
	ev.Summary, ev.Held = a.Summary, held
}

// end notes that all alerts but those given have ended.
func (as *actions) end(firing map[string]bool, now time.Time) {
	as.mu.Lock()
	defer as.mu.Unlock()
	for key, ev := range as.open {
		if !firing[key] {
			ev.EndedAt = now
			delete(as.open, key)
		}
	}
}

// Actions is what became of the newest alerts that speak of an action, newest first, at most HistoryEntries. It is the
// report of what was done, or would have been: an event that ended is history.
func (e *Evaluator) Actions() []ActionEvent {
	e.actions.mu.Lock()
	defer e.actions.mu.Unlock()
	out := make([]ActionEvent, 0, len(e.actions.events))
	for _, ev := range slices.Backward(e.actions.events) {
		out = append(out, *ev)
	}
	return out
}

// Rearm has OnAction told again of every action rule that fires, for whoever did nothing the first time, and would now.
// Their `for` starts again, and so does that of those that are pending: nobody has heard yet that they will be obeyed.
func (e *Evaluator) Rearm() {
	e.mu.Lock()
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			r.Rearm()
		}
	}
	e.mu.Unlock()
	e.Trigger()
}
