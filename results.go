package chorus

import (
	"iter"
	"time"

	"chorus/evaluator"
)

// Status is the verdict as /health has it at this moment: unhealthy while the evaluator is stalled.
func (e *Exporter) Status() evaluator.Status {
	s := e.evaluator.Snapshot()
	if s.Status != evaluator.Stopping && s.Stalled(time.Now()) {
		return evaluator.Unhealthy
	}
	return s.Status
}

// Summary is the newest verdict with everything it rests on, never nil. It is as old as its Finished says; Status knows
// when that is too old.
func (e *Exporter) Summary() *evaluator.Snapshot { return e.evaluator.Snapshot() }

// Result is one outcome of a check.
type Result struct {
	Time    time.Time
	Healthy bool
	Message string        // of a probe that passed, or of a rule check
	Err     error         // of a probe's run that failed
	Latency time.Duration // of a probe's run, or of the evaluation of a rule check
}

// Results are the outcomes of a check, newest first, at most Options.HistoryEntries. An unknown check has none. The sequence
// is a copy of its time.
func (e *Exporter) Results(check string) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		for o := range e.runner.Results(check) {
			if !yield(Result{o.Finished, o.Healthy(), o.Result.Message, o.Err, o.Duration()}) {
				return
			}
		}
		for o := range e.evaluator.Results(check) {
			if !yield(Result{o.Time, o.Healthy, o.Message, nil, o.Latency}) {
				return
			}
		}
	}
}

// Evaluate asks for an evaluation soon, such as after a metric has changed that rules judge. It never blocks.
func (e *Exporter) Evaluate() { e.evaluator.Trigger() }
