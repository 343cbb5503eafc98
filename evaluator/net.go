package evaluator

import (
	"slices"

	"github.com/go-kit/log/level"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// The rules decide. Below them hangs a net: a verdict that its own alerts and checks contradict is not published as it
// is. The net only ever lowers a status, and only where the rules that decide are the shipped ones. An operator who
// replaces them decides otherwise on purpose, and is told.

// settle gives the snapshot the status that the rules recorded, or the one that the net allows, and its message.
func (e *Evaluator) settle(s *Snapshot, v *view) {
	recorded := &verdict.Recorded{Status: v.status, Thresholds: v.thresholds}
	acc := verdict.Account{Waiting: e.waitingFor(s), Failed: e.failedRules()}
	s.Status, acc.Sound = verdict.Of(v.status)
	c := verdict.Contradicts(s)
	if c == nil {
		e.contradiction = ""
		s.Message = verdict.Message(s, recorded, acc)
		return
	}
	text := c.Text(s.Status)
	if e.shippedVerdict {
		s.Status = c.Most
	}
	s.Message = verdict.Message(s, recorded, acc) + "; " + text
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
				if a.Firing && weighs && a.Labels.Get(verdict.ActionLabel) == "" {
					v.failing[a.Labels.Get(checkNameLabel)] = true
				}
			}
		}
	}
}
