package engine

import (
	"errors"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules"
)

var errDuplicateAlert = errors.New("two results have the same labels after the alert's own labels are applied; " +
	"keep a label that tells them apart or aggregate")

// Alert is one active instance of an alerting rule. Times are steady milliseconds.
type Alert struct {
	Labels      labels.Labels // with alertname, without __name__
	Annotations map[string]string
	Value       float64
	Firing      bool
	Acted       bool // since it is active, its action has been started
	Unwritten   bool // the store had no room for it: no rule knows of it
	ActiveAt    int64
	Told        Told // written by those who publish the alert; the engine only keeps it

	held    bool // its action is held back
	ended   bool // the condition no longer holds, keep_firing_for holds the alert
	endedAt int64
}

// Told is what people are told of an alert beside what decides about it.
type Told struct {
	Limit   *float64      // finite, nil if not known
	Op      string        // Value Op Limit is what the alert is about, "" if not known
	Clears  string        // what ends the alert
	ForLeft time.Duration // as ForLeft returned it
}

// Alerts are the active instances of one rule by label set. The steps are those of Prometheus' rules.AlertingRule, with
// one intended difference, made by the caller: while a rule fails to evaluate its instances are hidden, as its last verdict
// must not outlive the error.
type Alerts map[string]*Alert

// step takes the instances that hold at time t and moves every alert on: new ones become pending, pending ones fire once
// they have held for `for`, those that ended are dropped, or kept firing for keep_firing_for.
func (as Alerts) step(r *rules.Rule, holding []*Alert, t int64) error {
	now := make(map[string]*Alert, len(holding))
	for _, a := range holding {
		k := string(a.Labels.Bytes(nil))
		if now[k] != nil {
			return errDuplicateAlert
		}
		now[k] = a
	}
	for k, a := range now {
		if old := as[k]; old != nil {
			old.Value, old.Annotations, old.ended = a.Value, a.Annotations, false
			continue
		}
		a.ActiveAt = t
		as[k] = a
	}
	for k, a := range as {
		if now[k] == nil && !a.kept(r.KeepFiringFor, t) {
			delete(as, k)
			continue
		}
		held := time.Duration(t-a.ActiveAt) * time.Millisecond
		switch {
		case !a.Firing && held >= r.For:
			a.Firing = true
		case a.Firing && held < r.For: // `for` grew on a reload
			a.Firing, a.ended = false, false
		}
	}
	return nil
}

// kept says whether an alert whose condition does not hold at t goes on firing.
func (a *Alert) kept(keepFor time.Duration, t int64) bool {
	if !a.Firing || keepFor == 0 {
		return false
	}
	if !a.ended {
		a.ended, a.endedAt = true, t
	}
	return time.Duration(t-a.endedAt)*time.Millisecond < keepFor
}

// restart has the alert begin its `for` again at t.
func (a *Alert) restart(t int64) {
	a.ActiveAt, a.Firing, a.Acted, a.ended = t, false, false, false
}

// State returns "firing" or "pending".
func (a *Alert) State() string {
	if a.Firing {
		return "firing"
	}
	return "pending"
}

// ForLeft returns the time until a pending alert fires, or until one whose condition no longer holds may end; else 0.
func (a *Alert) ForLeft(r *rules.Rule, now int64) time.Duration {
	since := func(t int64) time.Duration { return time.Duration(now-t) * time.Millisecond }
	switch {
	case !a.Firing:
		return max(0, r.For-since(a.ActiveAt))
	case a.ended:
		return max(0, r.KeepFiringFor-since(a.endedAt))
	}
	return 0
}

// HoldBack returns why nothing is done for an alert now, which is why unless that is ""; "" if it may be done or was done
// already. An alert that was held back, pending or firing, begins its `for` again when that ends: others may rely on
// having heard of it for that long, and what it rests on was not to be trusted meanwhile.
func (a *Alert) HoldBack(why string, now int64) string {
	switch {
	case a.Acted:
		return ""
	case why == "" && a.ended:
		why = "its condition no longer holds, keep_firing_for alone keeps it firing"
	}
	if why == "" && a.held {
		a.restart(now)
	}
	a.held = why != ""
	return why
}
