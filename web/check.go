package web

import (
	"encoding/json"
	"maps"
	"time"

	"chorus/evaluator"
	"chorus/probes"
)

// entry is one check as the answers show it. Durations are in nanoseconds.
//
// Latency and Timestamp are those of a probe's last run, of the evaluation for a rule check. A probe that has not run
// yet and a disabled check have no run: latency 0, and the time of the evaluation that says so.
type entry struct {
	name string

	Healthy             bool                       `json:"healthy"`
	Message             string                     `json:"message"`
	Details             map[string]json.RawMessage `json:"details,omitempty"`
	Latency             time.Duration              `json:"latency"`
	Timestamp           instant                    `json:"timestamp"`
	Enabled             bool                       `json:"enabled"`
	Critical            bool                       `json:"critical"`
	Component           string                     `json:"component"`
	State               evaluator.State            `json:"state"`
	Since               instant                    `json:"since"`
	Error               string                     `json:"error,omitempty"`
	Reason              string                     `json:"reason,omitempty"`
	ConsecutiveFailures int                        `json:"consecutive_failures,omitempty"`
	Alerts              []alert                    `json:"alerts,omitempty"`
	Description         string                     `json:"description"`
	Interval            time.Duration              `json:"interval"`
	Timeout             time.Duration              `json:"timeout"`
	Kind                string                     `json:"kind"`
}

// The kinds of a check, as chorus_health_check_info has them.
const (
	kindProbe = "probe"
	kindRule  = "rule"
)

// alert is one active alert of a check, worst first. What is not known is left out.
type alert struct {
	Name       string        `json:"name"`
	Severity   string        `json:"severity"`
	State      string        `json:"state"`
	Masked     bool          `json:"masked,omitempty"`
	MaskedBy   string        `json:"masked_by,omitempty"`
	ActiveAt   instant       `json:"active_at"`
	Value      *float64      `json:"value"` // null when the value is NaN or infinite
	Limit      *float64      `json:"limit,omitempty"`
	Unit       string        `json:"unit,omitempty"`
	Summary    string        `json:"summary"`
	Impact     string        `json:"impact,omitempty"`
	RunbookURL string        `json:"runbook_url,omitempty"`
	Clears     string        `json:"clears,omitempty"`
	ForLeft    time.Duration `json:"for_left,omitempty"`
}

// newEntry is a check of the snapshot; for a probe, probeRun and probeSpec add what the Runner knows.
func newEntry(s *evaluator.Snapshot, c *evaluator.Check) entry {
	e := entry{
		name: c.Name, Healthy: c.Healthy, Message: c.Message, Details: recorded(c.Details),
		Latency: c.Latency, Timestamp: instant(s.Time), Enabled: true, Critical: c.Critical,
		Component: c.Component, State: c.State, Since: instant(c.Since), ConsecutiveFailures: c.ConsecutiveFailures,
		Description: c.Description, Interval: c.Interval, Timeout: c.Timeout, Kind: c.Kind,
	}
	for i := range c.Alerts {
		e.Alerts = append(e.Alerts, newAlert(&c.Alerts[i]))
	}
	return e
}

func newAlert(a *evaluator.Alert) alert {
	out := alert{
		Name: a.Name, Severity: a.Severity, State: a.State, Masked: a.Masked, MaskedBy: a.MaskedBy,
		ActiveAt: instant(a.ActiveAt), Value: finite(a.Value), Unit: a.Unit, Summary: a.Summary,
		Impact: a.Impact, RunbookURL: a.RunbookURL, Clears: a.Clears, ForLeft: a.ForLeft,
	}
	if a.Limit != nil {
		out.Limit = finite(*a.Limit)
	}
	return out
}

// probeSpec adds what is declared of a probe. Component and Critical stay the verdict's.
func (e *entry) probeSpec(sp probes.Spec) {
	e.Description, e.Interval, e.Timeout = sp.Description, sp.Interval, sp.Timeout
}

// probeRun adds what the last run saw. While an alert decides that says more than that runs fail, its summary is the
// message; else what the run says is, or its error. A failed run makes an ok check pending: below the threshold it is
// shown and changes no verdict.
func (e *entry) probeRun(o probes.Outcome, c *evaluator.Check) {
	e.Latency, e.Timestamp = o.Duration(), instant(o.Finished)
	e.Details = measured(o.Result.Details, e.Details)
	e.ConsecutiveFailures = o.ConsecutiveFailures
	if o.Healthy() {
		decided := !e.Healthy || e.State == evaluator.StateFiring
		if o.Result.Message != "" && !(decided && e.Message != "") {
			e.Message = o.Result.Message
		}
		return
	}
	e.Error, e.Reason = o.Err.Error(), string(o.Reason)
	if e.State == evaluator.StateOK {
		e.State, e.Since = evaluator.StatePending, instant(o.Finished)
	}
	if e.Message == "" || c.RunDecides() {
		e.Message = runMessage(o)
	}
}

// runMessage is what a run said, or else its error.
func runMessage(o probes.Outcome) string {
	if o.Result.Message != "" || o.Healthy() {
		return o.Result.Message
	}
	return o.Err.Error()
}

// unknownSince is the entry while the evaluator is stalled: what it last said stays to be read, as its message, but is
// no verdict any more.
func (e entry) unknownSince(t time.Time) entry {
	if !e.Enabled {
		return e
	}
	e.Healthy, e.State, e.Since = false, evaluator.StateUnknown, instant(t)
	e.Message = "Evaluator stalled; last known: " + e.Message
	return e
}

// complete gives an entry without a message one.
func (e *entry) complete() {
	if e.Message != "" {
		return
	}
	switch e.State {
	case evaluator.StateOK:
		e.Message = "Passing"
	case evaluator.StatePending:
		e.Message = "Failing, but not long enough to count"
	case evaluator.StateFiring:
		e.Message = "Failing"
	case evaluator.StateDisabled:
		e.Message = "Disabled"
	default:
		e.Message = "No result"
	}
}

// recorded are details that rules recorded. What JSON has no number for is left out: nobody measured it.
func recorded(values map[string]float64) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(values))
	for k, v := range values {
		if f := finite(v); f != nil {
			out[k] = encodeNumber(*f)
		}
	}
	return out
}

// measured lays the details that rules recorded over what the probe itself saw. Values that can't be encoded and
// values that are null are left out.
func measured(own map[string]any, recorded map[string]json.RawMessage) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(own)+len(recorded))
	for k, v := range own {
		if raw, ok := encodeForeign(v); ok && string(raw) != "null" {
			out[k] = raw
		}
	}
	maps.Copy(out, recorded)
	return out
}

func encodeNumber(v float64) json.RawMessage {
	raw, _ := encodeForeign(v) // a finite number can always be encoded
	return raw
}
