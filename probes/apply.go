package probes

import (
	"errors"
	"fmt"
)

// Apply makes specs the whole set of configured checks, or changes nothing and returns every fault it found. Checks that
// Register added stay, and their names can't be used.
//
// A check whose spec is equal keeps everything, its phase included; probes are compared with ==, so a caller that hands
// over the same pointer again leaves it alone, while a Func always counts as changed. A changed check keeps its counters,
// its history, its consecutive failures, its last outcome and its proof; a run under the old spec is cancelled and leaves
// no outcome, and the first under the new one comes within 3 seconds. A check whose target changed, or that was disabled,
// starts over, counters and history apart: it is unproven until it passes. A check that specs does not name is removed as
// Unregister does.
//
// Apply closes no probe: the caller closes those it replaced, after Apply.
func (r *Runner) Apply(specs []Spec) error {
	wanted := make(map[string]bool, len(specs))
	complete := make([]Spec, 0, len(specs))
	var faults []error
	for _, s := range specs {
		s, err := s.complete()
		if wanted[s.Name] {
			err = errors.Join(err, fmt.Errorf("check %q: the name is used twice, use another", s.Name))
		}
		wanted[s.Name] = true
		complete = append(complete, s)
		faults = append(faults, err)
	}
	changed, err := r.apply(complete, wanted, faults)
	if err != nil {
		return fmt.Errorf("apply checks: %w", err)
	}
	if changed {
		r.tellChange()
	}
	return nil
}

// apply makes specs the configured set unless there are faults, and reports whether that changed anything.
func (r *Runner) apply(specs []Spec, wanted map[string]bool, faults []error) (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range specs {
		if c := r.checks[s.Name]; c != nil && !c.configured {
			faults = append(faults, fmt.Errorf("check %q: the program registered a check of that name, use another", s.Name))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return false, err
	}
	for name, c := range r.checks {
		if c.configured && !wanted[name] {
			r.remove(c)
			changed = true
		}
	}
	for _, s := range specs {
		switch c := r.checks[s.Name]; {
		case c == nil:
			r.add(s, true)
		case !c.spec.equal(s):
			r.change(c, s)
		default:
			continue
		}
		changed = true
	}
	return changed, nil
}

// change gives a check a new spec. Callers hold mu.
func (r *Runner) change(c *check, s Spec) {
	c.halt()
	if c.spec.Disabled || !c.spec.sameTarget(s) {
		c.restart()
	}
	c.spec = s
	r.start(c)
}
