package shutdown

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Stage names the states of a Manager. Of the phases it has the names.
type Stage string

// The stages, in their order; none is ever left out and none comes twice.
const (
	StageRunning      Stage = "running"
	StageDraining     Stage = "draining" // everything still answers, so that others see this process leave
	StagePreShutdown        = Stage(PreShutdown)
	StageShutdown           = Stage(Shutdown)
	StagePostShutdown       = Stage(PostShutdown)
	StageStopped      Stage = "stopped"
)

var stageOrder = []Stage{
	StageRunning, StageDraining, StagePreShutdown, StageShutdown, StagePostShutdown, StageStopped,
}

// Result says what has become of a step.
type Result string

// The results. A step waits, runs, and ends with one of the others.
const (
	ResultWaiting   Result = "waiting"
	ResultRunning   Result = "running"
	ResultDone      Result = "done"
	ResultFailed    Result = "failed"
	ResultTimeout   Result = "timeout" // it returned an error when its bound had passed, or context.DeadlineExceeded
	ResultPanicked  Result = "panicked"
	ResultAbandoned Result = "abandoned" // it had not returned when its bound had passed, and may still run
	ResultSkipped   Result = "skipped"   // it was not for this request, or the stop was cut short before its turn
)

var endResults = []Result{
	ResultDone, ResultFailed, ResultTimeout, ResultPanicked, ResultAbandoned, ResultSkipped,
}

// State is what a Manager was doing at one moment. Nobody may change what its fields refer to. Times are in UTC; as JSON
// they are RFC 3339, and durations are nanoseconds.
type State struct {
	Name     Stage     `json:"name"`
	Since    time.Time `json:"since"`              // when this stage began
	Request  *Request  `json:"request,omitempty"`  // the one that was accepted; nil while running
	Deadline time.Time `json:"deadline,omitzero"`  // when all will be over; zero while running
	Observed *Request  `json:"observed,omitempty"` // the newest that was only observed; nil if there was none
	Steps    []Step    `json:"steps,omitempty"`    // by phase, priority and name: the order in which they run
}

// Step is a component and what has become of it.
type Step struct {
	Name     string        `json:"name"`
	Phase    Phase         `json:"phase"`
	Priority int           `json:"priority"`
	Result   Result        `json:"result"`
	Error    string        `json:"error,omitempty"` // why it did not end as it should; cut after 8 KiB
	Took     time.Duration `json:"took,omitempty"`  // of a step that has ended
}

const maxErrorBytes = 8 << 10

// shown is t for people: in UTC, without the reading of the monotonic clock.
func shown(t time.Time) time.Time { return t.Round(0).UTC() }

// clip makes s valid UTF-8 of at most n bytes.
func clip(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return strings.ToValidUTF8(s, "?")
	}
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "?") + mark
}

// phaseIndex is the place of a phase in their order, or of the stage that has its name: -1 before the first phase, and
// after the last one the number of phases.
func phaseIndex[T ~string](name T) int {
	if Stage(name) == StageStopped {
		return len(phaseOrder)
	}
	return slices.Index(phaseOrder, Phase(name))
}
