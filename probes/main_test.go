package probes

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTestRunner(t testing.TB, o RunnerOptions) *Runner {
	t.Helper()
	r, err := NewRunner(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func register(t testing.TB, r *Runner, s Spec) {
	t.Helper()
	if err := r.Register(s); err != nil {
		t.Fatal(err)
	}
}

func apply(t testing.TB, r *Runner, specs ...Spec) {
	t.Helper()
	if err := r.Apply(specs); err != nil {
		t.Fatal(err)
	}
}

// inRun runs r in a synctest bubble while body does its work, then ends it and waits for Run.
func inRun(t *testing.T, r *Runner, body func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	synctest.Wait()
	body()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// sleep lets virtual time pass and everything settle.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func outcomes(r *Runner, name string) []Outcome {
	var all []Outcome
	for o := range r.Results(name) {
		all = append(all, o)
	}
	return all
}

// passing is a probe that can be compared.
type passing struct{}

func (*passing) Probe(context.Context) (Result, error) { return Result{Message: "fine"}, nil }
