package probes

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// maxStackBytes bounds the stack that a panic leaves in the log.
const maxStackBytes = 16 << 10

// flight is one run of a probe, in a goroutine of its own.
type flight struct {
	started  time.Time
	cancel   context.CancelFunc
	returned chan struct{} // closed when the probe has returned and the next three fields are written

	finished time.Time
	result   Result
	err      error

	abandoned bool // nobody waits for the result any more; guarded by Runner.mu
}

// out says whether the run has not returned yet. A check that never ran has none out.
func (f *flight) out() bool {
	if f == nil {
		return false
	}
	select {
	case <-f.returned:
		return false
	default:
		return true
	}
}

// outcome is what a run that has returned saw.
func (f *flight) outcome(check string) Outcome {
	return Outcome{
		Check: check, Started: f.started, Finished: f.finished,
		Result: f.result, Err: f.err, Reason: ReasonOf(f.err),
	}
}

// fly calls the probe. Whatever the probe does, returned is closed in the end: a panic becomes an error whose stack goes
// to the log, and so does runtime.Goexit, which ends a goroutine without either.
func (f *flight) fly(ctx context.Context, s Spec, logger log.Logger) {
	defer close(f.returned)
	settled := false
	defer func() {
		if settled {
			return
		}
		what := "the probe ended its goroutine"
		if v := recover(); v != nil {
			what = fmt.Sprintf("the probe panicked: %v", v)
		}
		f.finished, f.result = time.Now(), Result{}
		f.err = WithReason(ReasonPanic, errors.New(clip(what)))
		stack := debug.Stack()
		stack = stack[:min(len(stack), maxStackBytes)]
		level.Error(logger).Log("msg", "Probe panicked", "err", fmt.Sprintf("%s\n%s", clip(what), stack))
	}()
	res, err := s.Probe.Probe(ctx)
	f.finished = time.Now()
	// Inside the guard, because Error and MarshalJSON are code of the probe as well.
	f.result = boundResult(res)
	f.err = f.judge(ctx, s.Timeout, err)
	settled = true
}

// judge reduces err to a bounded text and a reason: an Outcome is kept for long and must hold nothing that grows or
// changes. A result that comes after the timeout is a failure even if the probe is content.
func (f *flight) judge(ctx context.Context, timeout time.Duration, err error) error {
	if took := f.finished.Sub(f.started); err == nil && took > timeout {
		return WithReason(ReasonTimeout, fmt.Errorf("passed after %v, later than its timeout of %v",
			took.Round(time.Millisecond), timeout))
	}
	if err == nil {
		return nil
	}
	reason := ReasonOf(err)
	// Drivers have many words for "the context ended"; whichever they use, it ended because time was up.
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	if late && (reason == ReasonError || reason == ReasonCanceled) {
		reason = ReasonTimeout
	}
	text := oneLine(clip(err.Error()))
	if text == "" {
		text = "the probe failed without saying why"
	}
	if late && reason == ReasonTimeout {
		text = fmt.Sprintf("no result within %v: %s", timeout, text)
	}
	text = clip(text)
	return WithReason(reason, errors.New(text))
}
