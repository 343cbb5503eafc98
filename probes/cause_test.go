package probes

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		r, err := NewRunner(RunnerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Register(Spec{Name: "db", Interval: time.Minute, Probe: Func(func(context.Context) (Result, error) {
			if down.Load() {
				return Result{}, errors.New("connection refused\nby everybody")
			}
			return Result{}, nil
		})}); err != nil {
			t.Fatal(err)
		}
		ask := func(notAfter time.Time, text string, ok bool) {
			t.Helper()
			if got, failed := r.Cause("db", notAfter); got != text || failed != ok {
				t.Errorf("got %q, %v, want %q, %v", got, failed, text, ok)
			}
		}
		ask(time.Now(), "", false)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(3 * time.Second)
		passed := time.Now()
		ask(passed, "", false)
		down.Store(true)
		time.Sleep(2 * time.Minute)
		ask(time.Now(), "connection refused; by everybody", true)
		ask(passed, "", false)
		if _, ok := r.Cause("unknown", time.Now()); ok {
			t.Error("an unknown check has a cause")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
