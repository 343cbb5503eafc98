package evaluator

import (
	"fmt"
	"slices"

	"github.com/go-kit/log/level"

	"chorus/evaluator/engine"
)

// The rules decide. Below them hangs a net: a verdict that its own alerts and checks contradict is not published as it
// is. The net only ever lowers a status, and only where the rules that decide are the shipped ones. An operator who
// replaces them decides otherwise on purpose, and is told.

// contradiction is what the alerts and checks of a verdict forbid.
type contradiction struct {
	most  Status // the best status that they allow
	cause string // what forbids a better one
}

// text names the contradiction for people. It does not change from evaluation to evaluation while the fault is the same.
func (c *contradiction) text(said Status) string {
	return fmt.Sprintf("the status rules said %s although %s", said, c.cause)
}

// contradicts compares the status with the alerts and checks of the snapshot. It returns nil if they agree. A stop and a
// start answer 503 whatever fires, so they contradict nothing.
func contradicts(s *Snapshot) *contradiction {
	if s.Status != Healthy && s.Status != Degraded {
		return nil
	}
	for i := range s.Alerts {
		a := &s.Alerts[i]
		if a.State == "firing" && a.Severity == "critical" && a.Check != "" && !a.Masked && a.Labels[actionLabel] == "" {
			return &contradiction{Unhealthy, fmt.Sprintf("critical alert %s fires for %s", a.Name, a.Check)}
		}
	}
	if s.Status == Healthy {
		for i := range s.Checks {
			if c := &s.Checks[i]; !c.Healthy {
				return &contradiction{Degraded, fmt.Sprintf("check %s is %s", c.Name, c.State)}
			}
		}
	}
	return nil
}

// settle gives the snapshot the status that the rules recorded, or the one that the net allows, and its message.
func (e *Evaluator) settle(s *Snapshot, v *view) {
	acc := account{waiting: e.waitingFor(s), failed: e.failedRules()}
	s.Status, acc.sound = verdict(v.status)
	c := contradicts(s)
	if c == nil {
		e.contradiction = ""
		s.Message = message(s, v, acc)
		return
	}
	text := c.text(s.Status)
	if e.shippedVerdict {
		s.Status = c.most
	}
	s.Message = message(s, v, acc) + "; " + text
	e.metrics.contradictions.Inc()
	if text != e.contradiction { // once per change, not at every evaluation
		level.Error(e.opts.Logger).Log("msg", "Verdict contradicts itself", "err", text)
	}
	e.contradiction = text
}

// maskedBy returns the check that masks the alert: its dependency, while a critical or warning alert of that fires and the
// rules do not count this one. What the rules leave out without such a reason is not masked.
func (v *view) maskedBy(a *engine.Alert) string {
	on := a.Labels.Get("depends_on")
	itself := on == a.Labels.Get(checkNameLabel)
	if !a.Firing || !v.masks || a.Unwritten || on == "" || itself || v.counted[labelKey(a.Labels)] || !v.failing[on] {
		return ""
	}
	return on
}

// readFailing lists the checks for which a critical or warning alert fires.
func (e *Evaluator) readFailing(v *view) {
	v.failing = map[string]bool{}
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			for _, a := range r.Active {
				weighs := slices.Contains([]string{"critical", "warning"}, a.Labels.Get("severity"))
				if a.Firing && weighs && a.Labels.Get(actionLabel) == "" {
					v.failing[a.Labels.Get(checkNameLabel)] = true
				}
			}
		}
	}
}
