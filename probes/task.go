package probes

import (
	"context"
	"fmt"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// grace is what a run gets after its timeout, or after it was cancelled, to notice and return. Then it is abandoned.
const grace = 500 * time.Millisecond

// task runs one check under one spec, from start or Apply until the check changes, goes, or Run ends.
type task struct {
	runner *Runner
	check  *check
	spec   Spec
	stop   context.CancelFunc
	try    bool // whether the present run is a try; only the task's goroutine uses it
}

// loop runs the probe by the task's timetable until ctx is done.
func (t *task) loop(ctx context.Context) {
	x := t.timetable(time.Now())
	timer := time.NewTimer(time.Until(x.next))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.hung:
			t.resume(&x, time.Now())
		case <-timer.C:
			p, _ := t.proof()
			t.try = !p.proven && time.Now().Before(x.counted)
			if o, made := t.run(ctx); ctx.Err() == nil {
				t.record(o, made)
			}
			t.advance(&x, time.Now())
		}
		timer.Reset(time.Until(x.next))
	}
}

// run makes one run and waits for its end, its timeout or ctx. Where the previous run has not returned it makes none:
// that is a failed outcome too. What it returns after ctx is done is no outcome.
func (t *task) run(ctx context.Context) (o Outcome, made bool) {
	prev := t.previous()
	if !t.ended(ctx, prev, 0) {
		now := time.Now()
		err := fmt.Errorf("previous run has not returned, it began %v ago", now.Sub(prev.started).Round(time.Millisecond))
		return t.timedOut(now, err), false
	}
	if t.abandoned(prev) {
		level.Info(t.log()).Log("msg", "Abandoned run has returned", "duration", prev.finished.Sub(prev.started))
	}
	f := t.launch(ctx)
	if f == nil {
		return Outcome{}, false
	}
	defer f.cancel()
	if t.ended(ctx, f, t.spec.Timeout) {
		return f.outcome(t.spec.Name), true
	}
	t.abandon(f)
	return t.timedOut(f.started, fmt.Errorf("no result within %v, the run was abandoned", t.spec.Timeout)), true
}

// ended waits for f: as long as wait and a grace, when ctx is done only a grace more. An abandoned run, which had all
// that already, is not waited for.
func (t *task) ended(ctx context.Context, f *flight, wait time.Duration) bool {
	if !f.out() {
		return true
	}
	if t.abandoned(f) {
		return false
	}
	timer := time.NewTimer(wait + grace)
	defer timer.Stop()
	select {
	case <-f.returned:
		return true
	case <-timer.C:
		return false
	case <-ctx.Done():
	}
	timer.Reset(grace)
	select {
	case <-f.returned:
		return true
	case <-timer.C:
		return false
	}
}

// previous is the newest run of the check, whoever began it.
func (t *task) previous() *flight {
	t.runner.mu.RLock()
	defer t.runner.mu.RUnlock()
	return t.check.flight
}

// launch begins a run, unless the task was stopped.
func (t *task) launch(ctx context.Context) *flight {
	t.runner.mu.Lock()
	defer t.runner.mu.Unlock()
	if t.check.task != t {
		return nil
	}
	if t.try {
		ctx = context.WithValue(ctx, startingKey{}, true)
	}
	if !t.check.proven {
		t.check.tries++
	}
	ctx, cancel := context.WithTimeout(ctx, t.spec.Timeout)
	f := &flight{started: time.Now(), cancel: cancel, returned: make(chan struct{})}
	t.check.flight = f
	go f.fly(ctx, t.spec, t.log())
	return f
}

// abandon gives up on a run. It remains the check's newest run, and the check is stuck until it returns.
func (t *task) abandon(f *flight) {
	t.runner.mu.Lock()
	f.abandoned = true
	t.runner.mu.Unlock()
	level.Warn(t.log()).Log("msg", "Run abandoned: it does not return when cancelled", "duration", time.Since(f.started))
}

func (t *task) abandoned(f *flight) bool {
	t.runner.mu.RLock()
	defer t.runner.mu.RUnlock()
	return f != nil && f.abandoned
}

// timedOut is the outcome of a run that gave no result.
func (t *task) timedOut(started time.Time, err error) Outcome {
	return Outcome{
		Check: t.spec.Name, Started: started, Finished: time.Now(),
		Err: WithReason(ReasonTimeout, err), Reason: ReasonTimeout,
	}
}

// record writes an outcome into metrics and history, then tells of it; one of a task that was stopped is dropped.
func (t *task) record(o Outcome, made bool) {
	r := t.runner
	r.mu.Lock()
	if t.check.task != t {
		r.mu.Unlock()
		return
	}
	o.Starting = t.try && !o.Healthy()
	first, proven, overdue := !t.check.ran, t.check.proven, t.check.overdue(o.Finished)
	changed := t.check.add(&o, t.spec.pace(), made)
	r.mu.Unlock()
	switch {
	case changed && !o.Healthy():
		level.Warn(t.log()).Log("msg", "Check failed", "err", o.Err, "duration", o.Duration())
	case changed && !first && proven:
		level.Info(t.log()).Log("msg", "Check passed again", "duration", o.Duration())
	case changed && !first:
		level.Info(t.log()).Log("msg", "Check passed for the first time", "duration", o.Duration())
	}
	if r.options.OnOutcome != nil && (changed || overdue || !o.Healthy()) {
		r.options.OnOutcome(o)
	}
}

func (t *task) log() log.Logger {
	return log.With(t.runner.options.Logger, "check", t.spec.Name, "component", t.spec.Component)
}
