// Package verdict declares what an evaluation concludes about a node, and says it in words: the state of each check, the
// order of alerts, causes, and the message. It knows no store and evaluates nothing.
package verdict

import (
	"time"
)

// Status is the verdict on the whole node. Exactly one holds.
type Status string

// The five statuses.
const (
	Healthy   Status = "healthy"
	Degraded  Status = "degraded"
	Unhealthy Status = "unhealthy"
	Starting  Status = "starting"
	Stopping  Status = "stopping"
)

// Statuses lists the five, in the order in which the first that applies holds.
func Statuses() []Status { return []Status{Stopping, Starting, Unhealthy, Degraded, Healthy} }

// State is where one check stands.
type State string

// The states of a check, from harmless to worst. Disabled checks are not in a Snapshot.
const (
	StateOK       State = "ok"
	StatePending  State = "pending"
	StateFiring   State = "firing"
	StateUnknown  State = "unknown"
	StateDisabled State = "disabled"
)

// Snapshot is everything one evaluation concluded. It is immutable: nobody may change it or what it points to.
type Snapshot struct {
	Time     time.Time // the evaluation's timestamp, UTC
	Sampled  time.Time // when the registry had been gathered, with monotonic reading; outcomes up to then are judged
	Finished time.Time // when the evaluation ended, with monotonic reading; what stalling is judged by
	Complete bool      // false before the first complete evaluation
	Partial  bool      // not all that is measured could be gathered or stored
	Status   Status
	Since    time.Time // since when Status holds
	Message  string    // one sentence for people
	Score    float64   // chorus_system_health_score; NaN when there is none

	Components   []Component        // sorted by name
	Checks       []Check            // sorted by name, all that chorus_health_check_info declares
	Alerts       []Alert            // every pending or firing alert, worst first
	KeyMetrics   map[string]float64 // chorus_health_key_metric by key
	Failing      []string           // groups with a rule that failed to evaluate, sorted
	TotalRuns    uint64             // check runs counted since start
	FailedRuns   uint64             // of these, failed ones
	StallTimeout time.Duration
}

// Stalled reports whether the evaluator has not finished an evaluation for StallTimeout before now.
func (s *Snapshot) Stalled(now time.Time) bool {
	return s.StallTimeout > 0 && now.Sub(s.Finished) > s.StallTimeout
}

// Component is a subsystem with its score, 0 to 1; NaN when none was recorded.
type Component struct {
	Name  string
	Score float64
}

// Check is the verdict on one check.
type Check struct {
	Name, Component, Kind, Description string // Kind: "probe" or "rule"
	Critical                           bool
	State                              State
	Since                              time.Time // since when State holds
	Healthy                            bool      // no critical or warning alert counts for it and it is not unknown
	Message                            string    // worst alert's summary, else the ok message; "" leaves it to the probe's own
	Error                              string    // of the probe's last run, "" if it passed; needs Options.Cause
	Details                            map[string]float64
	Alerts                             []Alert       // worst first
	Interval, Timeout                  time.Duration // rule checks only; a probe's stand in its Spec
	Latency                            time.Duration // rule checks only: evaluation time of its rules
	ConsecutiveFailures                int
}

// Alert is one active alert. What is not known is left out.
type Alert struct {
	Name       string        `json:"name"`
	Check      string        `json:"-"`
	Severity   string        `json:"severity"`
	State      string        `json:"state"` // pending or firing
	Masked     bool          `json:"masked,omitempty"`
	MaskedBy   string        `json:"masked_by,omitempty"` // the check whose alert masks this one
	ActiveAt   time.Time     `json:"active_at"`
	Value      float64       `json:"-"`               // may be NaN; web renders it
	Limit      *float64      `json:"limit,omitempty"` // what Value is compared with; finite
	Op         string        `json:"-"`               // Value Op Limit is what the alert is about; "" if not known
	Unit       string        `json:"unit,omitempty"`  // of Value and Limit
	Summary    string        `json:"summary"`
	Impact     string        `json:"impact,omitempty"`
	RunbookURL string        `json:"runbook_url,omitempty"`
	Clears     string        `json:"clears,omitempty"`   // what ends the alert
	ForLeft    time.Duration `json:"for_left,omitempty"` // until a pending alert fires, or keep_firing_for lets it end

	Labels      map[string]string `json:"-"`
	Annotations map[string]string `json:"-"`
}
