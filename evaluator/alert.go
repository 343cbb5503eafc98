package evaluator

import (
	"errors"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules"
)

var errDuplicateAlert = errors.New("two results have the same labels after the alert's own labels are applied; " +
	"keep a label that tells them apart or aggregate")

// alert is one active instance of an alerting rule. Times are steady milliseconds.
type alert struct {
	labels      labels.Labels // with alertname, without __name__
	annotations map[string]string
	value       float64
	firing      bool
	acted       bool // since it is active, its action has been started
	held        bool // its action is held back
	unwritten   bool // the store had no room for it: no rule knows of it
	activeAt    int64
	ended       bool // the condition no longer holds, keep_firing_for holds the alert
	endedAt     int64
	told        told // beside the verdict, from the newest evaluation
}

// told is what is told of an alert beside what decides about it.
type told struct {
	limit   *float64 // finite, nil if not known
	op      string   // value op limit is what the alert is about, "" if not known
	clears  string
	forLeft time.Duration
}

// alerts are the active instances of one rule by label set. The steps are those of Prometheus' rules.AlertingRule, with
// one intended difference, made by the caller: while a rule fails to evaluate its instances are hidden, as its last verdict
// must not outlive the error.
type alerts map[string]*alert

// step takes the instances that hold at time t and moves every alert on: new ones become pending, pending ones fire once
// they have held for `for`, those that ended are dropped, or kept firing for keep_firing_for.
func (as alerts) step(r *rules.Rule, holding []*alert, t int64) error {
	now := make(map[string]*alert, len(holding))
	for _, a := range holding {
		k := string(a.labels.Bytes(nil))
		if now[k] != nil {
			return errDuplicateAlert
		}
		now[k] = a
	}
	for k, a := range now {
		if old := as[k]; old != nil {
			old.value, old.annotations, old.ended = a.value, a.annotations, false
			continue
		}
		a.activeAt = t
		as[k] = a
	}
	for k, a := range as {
		if now[k] == nil && !a.kept(r.KeepFiringFor, t) {
			delete(as, k)
			continue
		}
		held := time.Duration(t-a.activeAt) * time.Millisecond
		switch {
		case !a.firing && held >= r.For:
			a.firing = true
		case a.firing && held < r.For: // `for` grew on a reload
			a.firing, a.ended = false, false
		}
	}
	return nil
}

// kept says whether an alert whose condition does not hold at t goes on firing.
func (a *alert) kept(keepFor time.Duration, t int64) bool {
	if !a.firing || keepFor == 0 {
		return false
	}
	if !a.ended {
		a.ended, a.endedAt = true, t
	}
	return time.Duration(t-a.endedAt)*time.Millisecond < keepFor
}

// restart has the alert begin its `for` anew at t.
func (a *alert) restart(t int64) {
	a.activeAt, a.firing, a.acted, a.ended = t, false, false, false
}

func (a *alert) state() string {
	if a.firing {
		return "firing"
	}
	return "pending"
}

// forLeft is the time until a pending alert fires, or until one whose condition no longer holds may end; else 0.
func (a *alert) forLeft(r *rules.Rule, now int64) time.Duration {
	since := func(t int64) time.Duration { return time.Duration(now-t) * time.Millisecond }
	switch {
	case !a.firing:
		return max(0, r.For-since(a.activeAt))
	case a.ended:
		return max(0, r.KeepFiringFor-since(a.endedAt))
	}
	return 0
}

// holdBack says why nothing is done for an alert now; "" if it may be done or was done already. One that was held back,
// pending or firing, begins its `for` anew when that ends: others may rely on having heard of it for that long, and what
// it rests on was not to be trusted meanwhile.
func (a *alert) holdBack(why string, now int64) string {
	switch {
	case a.acted:
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
