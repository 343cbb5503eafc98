package collectors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errTimeout is the failure of a call that has not returned in time.
var errTimeout = errors.New("no answer within")

// calls bounds functions that may hang for ever, such as statfs on a dead network mount, which no signal interrupts.
// Each runs in a goroutine of its own, at most one per key; the zero value is ready.
type calls[T any] struct {
	mu  sync.Mutex
	out map[string]*call[T]
}

// call is a function under way. value and err may be read once done is closed.
type call[T any] struct {
	started time.Time
	done    chan struct{}
	value   T
	err     error
}

// do calls f and waits for it until it is timeout old. While a call for key is out no other is begun: its answer
// counts if it comes in time, measured from its own beginning, and is dropped if it comes later.
func (c *calls[T]) do(ctx context.Context, key string, timeout time.Duration, f func() (T, error)) (value T, err error) {
	running := c.begin(key, f)
	timer := time.NewTimer(timeout - time.Since(running.started))
	defer timer.Stop()
	select {
	case <-running.done:
		return running.value, running.err
	case <-timer.C:
		return value, fmt.Errorf("read %s: %w %s", key, errTimeout, timeout)
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// begin returns the call for key that is out, else a new one.
func (c *calls[T]) begin(key string, f func() (T, error)) *call[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running, ok := c.out[key]; ok {
		return running
	}
	if c.out == nil {
		c.out = make(map[string]*call[T])
	}
	started := &call[T]{started: time.Now(), done: make(chan struct{})}
	c.out[key] = started
	go func() {
		started.value, started.err = f()
		c.mu.Lock()
		delete(c.out, key)
		c.mu.Unlock()
		close(started.done)
	}()
	return started
}
