package probes

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
)

// Reason says in one word why a run failed. The set is closed: it is the label reason of
// chorus_health_check_errors_total.
type Reason string

// The reasons. A probe names one with WithReason; without it ReasonOf recognises what it can.
const (
	ReasonTimeout      Reason = "timeout"        // no answer in time
	ReasonCanceled     Reason = "canceled"       // somebody else cancelled what the probe waited for
	ReasonRefused      Reason = "refused"        // the other side turned the connection down or cut it
	ReasonIntegrity    Reason = "integrity"      // an answer came, and it was not what had been written
	ReasonPanic        Reason = "panic"          // the probe panicked
	ReasonNoPeers      Reason = "no_peers"       // nobody is connected, so nobody could be asked
	ReasonNoTopicPeers Reason = "no_topic_peers" // peers are connected, none of them is on the topic
	ReasonWarmingUp    Reason = "warming_up"     // connected too short a time ago to expect an answer
	ReasonError        Reason = "error"          // anything else
)

// reasons is the closed set in the order of a check's error counters. It is never written.
var reasons = [...]Reason{
	ReasonTimeout, ReasonCanceled, ReasonRefused, ReasonIntegrity, ReasonPanic,
	ReasonNoPeers, ReasonNoTopicPeers, ReasonWarmingUp, ReasonError,
}

// reasonIndex is the position of r in reasons.
func reasonIndex(r Reason) int { return slices.Index(reasons[:], r) }

// reasonError is err with its reason. Its text is that of err.
type reasonError struct {
	reason Reason
	err    error
}

func (e *reasonError) Error() string { return e.err.Error() }
func (e *reasonError) Unwrap() error { return e.err }

// WithReason says why err happened; the text stays as it is. A reason outside the set becomes ReasonError, so that no
// label value can be invented. The outermost reason of a chain counts. It returns nil for a nil err.
func WithReason(r Reason, err error) error {
	if err == nil {
		return nil
	}
	if reasonIndex(r) < 0 {
		r = ReasonError
	}
	return &reasonError{reason: r, err: err}
}

// ReasonOf is the reason WithReason gave err, else what the error itself tells: a deadline or a network timeout, a
// cancellation, a refused connection. Any other error is ReasonError; nil has no reason, "".
func ReasonOf(err error) Reason {
	var named *reasonError
	var network net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &named):
		return named.reason
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return ReasonTimeout
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	case errors.Is(err, syscall.ECONNREFUSED):
		return ReasonRefused
	}
	return ReasonError
}
