package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"chorus/evaluator"
)

// What the service manager is told: ready once, fed by finished evaluations alone, stopping to the end.
func TestSystemdMessages(t *testing.T) {
	s := newSystemd(log.NewNopLogger())
	at := time.Now()
	evaluated := func(complete bool, status evaluator.Status, finished time.Time) string {
		s.evaluated(&evaluator.Snapshot{Complete: complete, Status: status, Message: "so\nit is", Finished: finished})
		return s.message()
	}
	for i, tt := range []struct{ got, want string }{
		{evaluated(false, evaluator.Starting, at), "WATCHDOG=1\nSTATUS=starting: so it is"},
		{evaluated(true, evaluator.Healthy, at.Add(time.Second)), "READY=1\nWATCHDOG=1\nSTATUS=healthy: so it is"},
		{evaluated(true, evaluator.Healthy, at.Add(time.Second)), "READY=1\nSTATUS=healthy: so it is"},
	} {
		if tt.got != tt.want {
			t.Errorf("message %d is %q, want %q", i, tt.got, tt.want)
		}
	}
	s.stopping()
	if got := evaluated(true, evaluator.Stopping, at.Add(2*time.Second)); got != "STOPPING=1\nWATCHDOG=1\nSTATUS=stopping: so it is" {
		t.Errorf("when stopping: %q", got)
	}
}

// A socket that refuses is said once, not with every evaluation, and holds up nothing.
func TestSystemdSocketRefuses(t *testing.T) {
	var out output
	s := newSystemd(log.NewLogfmtLogger(&out))
	asked := make(chan struct{})
	s.notify = func(string) error { asked <- struct{}{}; return errors.New("no such socket") }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.run(ctx) }()
	for range 3 {
		s.stopping()
		<-asked
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(out.String(), "no such socket"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, out.String())
	}
}
