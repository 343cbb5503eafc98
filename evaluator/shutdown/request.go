package shutdown

import (
	"cmp"
	"slices"
	"time"
)

// Cause says who asked for a stop.
type Cause string

// The causes. Whoever runs the process turns them into an exit code.
const (
	CauseSignal  Cause = "signal"
	CauseRule    Cause = "rule"
	CauseProgram Cause = "program"
)

var causes = []Cause{CauseSignal, CauseRule, CauseProgram}

// Request asks for a stop and says why.
type Request struct {
	Cause  Cause     `json:"cause"`            // default CauseProgram, which an unknown cause becomes too
	Reason string    `json:"reason,omitempty"` // one sentence; cut after 1 KiB
	Check  string    `json:"check,omitempty"`  // the check that a rule spoke for
	Rule   string    `json:"rule,omitempty"`   // the name of the alert
	Time   time.Time `json:"time"`             // when the cause was seen; default now. No bound counts from it
}

const maxReasonBytes = 1 << 10

// complete fills in defaults and bounds the texts.
func (r Request) complete(now time.Time) Request {
	if !slices.Contains(causes, r.Cause) {
		r.Cause = CauseProgram
	}
	r.Reason = clip(r.Reason, maxReasonBytes)
	r.Check, r.Rule = clip(r.Check, maxReasonBytes), clip(r.Rule, maxReasonBytes)
	r.Time = shown(cmp.Or(r.Time, now))
	return r
}
