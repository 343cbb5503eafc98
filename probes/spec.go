package probes

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"time"
)

// DefaultComponent is the subsystem of a check that names none.
const DefaultComponent = "other"

// What an interval or a timeout may be: shorter would spin, longer would overflow when a grace is added to it.
const (
	shortest = time.Millisecond
	longest  = 366 * 24 * time.Hour
)

// namePattern is what may name a check or a component: it stands in URLs, labels and file names without quoting.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// complete fills the zero fields with their defaults and says all that is wrong with the rest.
func (s Spec) complete() (Spec, error) {
	s.Component = cmp.Or(s.Component, DefaultComponent)
	s.Interval = cmp.Or(s.Interval, DefaultInterval)
	s.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
	s.FailureThreshold = cmp.Or(s.FailureThreshold, DefaultFailureThreshold)
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("check %q: "+format, append([]any{s.Name}, args...)...))
	}
	if !namePattern.MatchString(s.Name) {
		fault("name: use 1 to 128 letters, digits, '.', '_' and '-', a letter or a digit first")
	}
	if !namePattern.MatchString(s.Component) {
		fault("component %q: use 1 to 128 letters, digits, '.', '_' and '-', a letter or a digit first", s.Component)
	}
	if s.Interval < shortest || s.Interval > longest {
		fault("interval %v: use %v to %v", s.Interval, shortest, longest)
	}
	if s.Timeout < shortest || s.Timeout > longest {
		fault("timeout %v: use %v to %v", s.Timeout, shortest, longest)
	}
	if s.FailureThreshold < 1 {
		fault("failure threshold %d: use 1 or more", s.FailureThreshold)
	}
	if s.Probe == nil && !s.Disabled {
		fault("no probe: set Spec.Probe, or Spec.Disabled")
	}
	return s, errors.Join(faults...)
}

// equal reports whether both specs ask for the same thing.
func (s Spec) equal(o Spec) bool {
	if !sameProbe(s.Probe, o.Probe) {
		return false
	}
	return s.Target == o.Target && s.Name == o.Name && s.Description == o.Description && s.Component == o.Component &&
		s.Critical == o.Critical && s.Disabled == o.Disabled && s.Interval == o.Interval &&
		s.Timeout == o.Timeout && s.FailureThreshold == o.FailureThreshold
}

// sameTarget reports whether both specs test the same thing, so that what one has proven holds for the other.
func (s Spec) sameTarget(o Spec) bool {
	if s.Target == "" && o.Target == "" {
		return sameProbe(s.Probe, o.Probe)
	}
	return s.Target == o.Target
}

// sameProbe compares with ==. A probe of a type that cannot be compared, such as a Func, is never the same, not even as
// itself.
func sameProbe(p, q Probe) bool { return canCompare(p) && canCompare(q) && p == q }

// canCompare says whether == works on p without a panic.
func canCompare(p Probe) bool { return p == nil || reflect.ValueOf(p).Comparable() }
