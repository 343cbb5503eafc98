package shutdown

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-kit/log/level"
)

// maxStackBytes bounds the stack that a panic leaves in the log.
const maxStackBytes = 16 << 10

// outcome is how a step ended.
type outcome struct {
	step   *step
	result Result
	err    error
	took   time.Duration
}

// stop runs one step within its bound, and waits no longer than the grace after it.
func (m *Manager) stop(ctx context.Context, s *step, limit time.Time, grace time.Duration) outcome {
	began, bound := time.Now(), limit
	if own := s.component.Timeout; own > 0 && began.Add(own).Before(limit) {
		bound = began.Add(own)
	}
	ctx, cancel := context.WithDeadline(ctx, bound)
	defer cancel()
	returned := make(chan outcome, 1) // has room for what comes late
	go m.fly(ctx, s.component, returned)
	var o outcome
	select {
	case o = <-returned:
	case <-ctx.Done():
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case o = <-returned:
		case <-timer.C:
			o = outcome{result: ResultAbandoned, err: fmt.Errorf("gave up on it, it ignores its context: %w", ctx.Err())}
		}
	}
	o.step, o.took = s, time.Since(began)
	if o.result == ResultTimeout && ctx.Err() != nil {
		o.err = fmt.Errorf("outlasted its bound of %v: %w", bound.Sub(began).Round(time.Millisecond), o.err)
	}
	return o
}

// fly calls Stop. Whatever it does, returned gets an outcome: a panic becomes an error whose stack goes to the log, and
// so does runtime.Goexit, which ends a goroutine without either.
func (m *Manager) fly(ctx context.Context, c Component, returned chan<- outcome) {
	o := outcome{result: ResultPanicked, err: errors.New("it ended its goroutine")}
	defer func() {
		if v := recover(); v != nil {
			o.err = fmt.Errorf("panic: %v", v)
			level.Error(m.options.Logger).Log("msg", "Component panicked", "component", c.Name, "err", panicText(v))
		}
		returned <- o
	}()
	err := c.Stop(ctx)
	o = outcome{result: resultOf(ctx, err), err: err}
}

func resultOf(ctx context.Context, err error) Result {
	switch {
	case err == nil:
		return ResultDone
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ResultTimeout
	default:
		return ResultFailed
	}
}

// panicText is a panic with its stack. Deferred functions call it.
func panicText(v any) string {
	stack := debug.Stack()
	return fmt.Sprintf("%s\n%s", clip(fmt.Sprint(v), maxReasonBytes), stack[:min(len(stack), maxStackBytes)])
}
