package shutdown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Phase is a part of the stop. Everything of one has ended, or was given up, before the next begins.
type Phase string

// The phases, in their order.
const (
	PreShutdown  Phase = "pre-shutdown"  // tell others, while everything still works
	Shutdown     Phase = "shutdown"      // stop what works
	PostShutdown Phase = "post-shutdown" // what must come last: flush, report, release
)

var phaseOrder = []Phase{PreShutdown, Shutdown, PostShutdown}

// Phases lists the phases in their order. The caller owns the slice.
func Phases() []Phase { return slices.Clone(phaseOrder) }

// When says for which requests a component is stopped.
type When string

// The values of When.
const (
	Always When = "always"
	OnRule When = "rule" // only if the request came from a rule; after any other the step is skipped
)

// Component is something to stop, or to do, when the program ends.
type Component struct {
	Name     string        // unique, at most 128 bytes
	Phase    Phase         // default Shutdown
	Priority int           // higher ones first; equal ones of a phase together, each in a goroutine of its own
	Timeout  time.Duration // own bound inside the whole's; 0: what the others leave
	When     When          // default Always
	// Stop does it; nil is success. It must return soon after ctx is done: ctx ends at the component's bound, and half a
	// second later at most the component is given up while Stop may still run. A panic in it is a failure. Required.
	Stop func(ctx context.Context) error
}

const maxNameBytes = 128

// complete checks the component and fills in defaults.
func (c Component) complete() (Component, error) {
	c.Phase, c.When = cmp.Or(c.Phase, Shutdown), cmp.Or(c.When, Always)
	switch {
	case c.Name == "":
		return c, errors.New("component without a name: set Name")
	case len(c.Name) > maxNameBytes || !utf8.ValidString(c.Name):
		return c, fmt.Errorf("component %.40q: Name must be UTF-8 of at most %d bytes", c.Name, maxNameBytes)
	case !slices.Contains(phaseOrder, c.Phase):
		return c, fmt.Errorf("component %q: unknown Phase %q, choose from %s, %s and %s",
			c.Name, c.Phase, PreShutdown, Shutdown, PostShutdown)
	case c.When != Always && c.When != OnRule:
		return c, fmt.Errorf("component %q: unknown When %q, choose from %s and %s", c.Name, c.When, Always, OnRule)
	case c.Timeout < 0:
		return c, fmt.Errorf("component %q: Timeout %v is negative, use 0 for no bound of its own", c.Name, c.Timeout)
	case c.Stop == nil:
		return c, fmt.Errorf("component %q: no Stop, set the function that stops it", c.Name)
	}
	return c, nil
}
