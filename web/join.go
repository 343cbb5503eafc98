package web

import (
	"slices"
	"strings"
	"time"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// join lists every check of s, probes with the last run that s knows of, and after them the disabled checks; all
// sorted by name. A probe that registered after s is shown with the next snapshot. The caller holds h.mu.
func (h *Handler) join(s *evaluator.Snapshot) []entry {
	specs := h.opts.Probes.Checks()
	declared := make(map[string]probes.Spec, len(specs))
	for _, sp := range specs {
		declared[sp.Name] = sp
	}
	entries := make([]entry, 0, len(s.Checks)+len(specs))
	enabled := make(map[string]bool, len(s.Checks))
	for i := range s.Checks {
		e := newEntry(s, &s.Checks[i])
		enabled[e.name] = true
		if e.Kind == kindProbe {
			if sp, ok := declared[e.name]; ok {
				e.probeSpec(sp)
			}
			if o, ok := h.lastRun(&s.Checks[i], judged(s)); ok {
				e.probeRun(o, &s.Checks[i])
			} else if e.Message == "" || e.State == evaluator.StatePending {
				e.Message = "No result yet" // whatever is pending: its first run may be under way
			}
		}
		e.complete()
		entries = append(entries, e)
	}
	off := slices.DeleteFunc(disabledEntries(specs, h.opts.Evaluator.Rules()), func(e entry) bool {
		return enabled[e.name]
	})
	entries = append(entries, h.stampDisabled(off, s.Time)...)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries
}

// lastRun is the newest run that the verdict knows of. One that ended between the moment its metrics were read and the end
// of sampling is told by its failures in a row: it belongs to the next verdict.
func (h *Handler) lastRun(c *evaluator.Check, notAfter time.Time) (probes.Outcome, bool) {
	o, ok := h.opts.Probes.Last(c.Name, notAfter)
	if ok && o.ConsecutiveFailures != c.ConsecutiveFailures {
		before, found := h.opts.Probes.Last(c.Name, o.Finished.Add(-1))
		if found && before.ConsecutiveFailures == c.ConsecutiveFailures {
			return before, true
		}
	}
	return o, ok
}

// judged is until when an outcome had to be there for s to know of it.
func judged(s *evaluator.Snapshot) time.Time {
	if s.Sampled.IsZero() {
		return s.Finished
	}
	return s.Sampled
}

// disabledEntries are the probes and rule checks that are switched off, each name once.
func disabledEntries(specs []probes.Spec, set *rules.Set) []entry {
	var off []entry
	for _, sp := range specs {
		if sp.Disabled {
			off = append(off, entry{
				name: sp.Name, Critical: sp.Critical, Component: sp.Component, Description: sp.Description,
				Interval: sp.Interval, Timeout: sp.Timeout, Kind: kindProbe,
			})
		}
	}
	if set == nil {
		return off
	}
	for _, c := range set.Disabled() {
		if slices.ContainsFunc(off, func(e entry) bool { return e.name == c.Name }) {
			continue
		}
		off = append(off, entry{
			name: c.Name, Critical: c.Critical, Component: c.Component, Description: c.Description,
			Interval: c.Interval, Timeout: c.Timeout, Kind: kindRule,
		})
	}
	return off
}

// stampDisabled gives disabled entries their state and the time they were first seen in it, and forgets the others.
func (h *Handler) stampDisabled(off []entry, at time.Time) []entry {
	since := make(map[string]time.Time, len(off))
	for i := range off {
		e := &off[i]
		t, ok := h.disabled[e.name]
		if !ok {
			t = at
		}
		since[e.name] = t
		e.Healthy, e.State, e.Since, e.Timestamp = true, evaluator.StateDisabled, instant(t), instant(at)
		e.complete()
	}
	h.disabled = since
	return off
}
