// Package probes runs active health tests: a query on a real connection, a round trip, a put and get. A Runner gives
// every probe its own schedule, timeout, history and metrics; a probe itself is one small function.
//
// A check is unproven until a run of it has passed, and is tried more often than its interval until then. Rules never take
// an unproven check for healthy.
package probes

import (
	"context"
	"time"
)

// Result is what one run saw. Both fields are shown to people as they are, so neither may hold a secret; nor may the error
// beside it. Details may hold anything that encoding/json can write; the Runner keeps a bounded copy (MaxTextBytes,
// MaxDetails, MaxDetailsBytes), in which a value with parts is what JSON makes of it.
type Result struct {
	Message string         // one sentence without a period, such as "query answered"
	Details map[string]any // values encoding/json can write; may be nil
}

// Probe is one active test. A nil error means healthy. Probe must return soon after ctx is done; the Runner abandons
// a run that does not, and starts no other run of the same check until it has returned.
type Probe interface {
	Probe(ctx context.Context) (Result, error)
}

// Func adapts a function to Probe.
type Func func(ctx context.Context) (Result, error)

// Probe calls f.
func (f Func) Probe(ctx context.Context) (Result, error) { return f(ctx) }

// Defaults of a Spec's zero fields. The embedded default configuration states the same values; a test compares them.
const (
	DefaultInterval         = 30 * time.Second
	DefaultTimeout          = 10 * time.Second
	DefaultFailureThreshold = 3
)

// Spec declares a check that a probe decides.
type Spec struct {
	Name             string // unique; the label check_name
	Description      string // one line
	Component        string // subsystem the check speaks for; default "other"
	Critical         bool
	Disabled         bool // listed by Checks, never run, exports no series
	Interval         time.Duration
	Timeout          time.Duration // of one run
	FailureThreshold int           // failures in a row from which on rules call the check failing
	Probe            Probe         // required unless Disabled

	// Target identifies what the probe tests, such as an address and a query. When Apply changes it, the check must pass
	// again before it counts as proven; other fields, Probe included, leave the proof alone. Empty: Probe itself is the
	// target, so another Probe, and every Func, is another target. It may hold a secret: nothing shows it, and Checks
	// leaves it out.
	Target string
}

// Outcome is the record of one finished (or abandoned) run. It is immutable.
type Outcome struct {
	Check               string
	Started, Finished   time.Time // with monotonic reading
	Result              Result
	Err                 error  // nil when healthy; a bounded text that wraps nothing of the probe's
	Reason              Reason // empty when healthy
	ConsecutiveFailures int    // this run included; tries count as one
	Starting            bool   // a try that failed: a run of an unproven check outside its schedule
}

// Healthy says whether the run passed.
func (o Outcome) Healthy() bool { return o.Err == nil }

// Duration is how long the run took.
func (o Outcome) Duration() time.Duration { return o.Finished.Sub(o.Started) }
