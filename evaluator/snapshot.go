package evaluator

import "chorus/evaluator/verdict"

// What an evaluation concludes is declared in package verdict. Who reads snapshots needs only these names.
type (
	// Snapshot is everything one evaluation concluded. It is immutable.
	Snapshot = verdict.Snapshot
	// Status is the verdict on the whole node. Exactly one holds.
	Status = verdict.Status
	// State is where one check stands.
	State = verdict.State
	// Component is a subsystem with its score, 0 to 1.
	Component = verdict.Component
	// Check is the verdict on one check.
	Check = verdict.Check
	// Alert is one active alert.
	Alert = verdict.Alert
)

// The five statuses.
const (
	Healthy   = verdict.Healthy
	Degraded  = verdict.Degraded
	Unhealthy = verdict.Unhealthy
	Starting  = verdict.Starting
	Stopping  = verdict.Stopping
)

// The states of a check, from harmless to worst. Disabled checks are not in a Snapshot.
const (
	StateOK       = verdict.StateOK
	StatePending  = verdict.StatePending
	StateFiring   = verdict.StateFiring
	StateUnknown  = verdict.StateUnknown
	StateDisabled = verdict.StateDisabled
)

// Statuses lists the five, in the order in which the first that applies holds.
func Statuses() []Status { return verdict.Statuses() }
