package probes

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What the Runner adds to one run: goroutine, timeout, history and metrics.
func BenchmarkRun(b *testing.B) {
	r := newTestRunner(b, RunnerOptions{})
	register(b, r, Spec{Name: "db", Probe: Func(func(context.Context) (Result, error) {
		return Result{Message: "query answered", Details: map[string]any{"driver": "postgres", "open_connections": 1}}, nil
	})})
	c := r.checks["db"]
	c.task = &task{runner: r, check: c, spec: c.spec, stop: func() {}}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		o, made := c.task.run(ctx)
		c.task.record(o, made)
	}
}

func BenchmarkGather100Checks(b *testing.B) {
	registry := prometheus.NewRegistry()
	r := newTestRunner(b, RunnerOptions{Registerer: registry})
	for i := range 100 {
		name := fmt.Sprint("check-", i)
		register(b, r, Spec{Name: name, Probe: new(passing)})
		now := time.Now()
		r.checks[name].add(&Outcome{Check: name, Started: now, Finished: now.Add(time.Millisecond)}, pace{}, true)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLast(b *testing.B) {
	r := newTestRunner(b, RunnerOptions{})
	register(b, r, Spec{Name: "db", Probe: new(passing)})
	now := time.Now()
	for range DefaultMaxEntries {
		r.checks["db"].add(&Outcome{Check: "db", Started: now, Finished: now}, pace{}, true)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Last("db", now); !ok {
			b.Fatal("no outcome")
		}
	}
}
