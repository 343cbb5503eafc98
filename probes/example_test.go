package probes_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/probes"
)

func ExampleRunner() {
	ctx, cancel := context.WithCancel(context.Background())
	runner, err := probes.NewRunner(probes.RunnerOptions{
		Registerer: prometheus.NewRegistry(), // chorus_health_check_* of every check
		NodeID:     "node-123",
		OnOutcome: func(o probes.Outcome) {
			fmt.Printf("%s: %v, reason %s\n", o.Check, o.Err, o.Reason)
			cancel()
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = runner.Register(probes.Spec{
		Name:     "inventory",
		Interval: 50 * time.Millisecond,
		Probe: probes.Func(func(context.Context) (probes.Result, error) {
			return probes.Result{}, probes.WithReason(probes.ReasonIntegrity, errors.New("2 items are counted twice"))
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := runner.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: inventory: 2 items are counted twice, reason integrity
}

// A reload makes a new probe for the same database. Target keeps the proof; another query must pass first.
func ExampleRunner_Apply() {
	registry := prometheus.NewRegistry()
	runner, err := probes.NewRunner(probes.RunnerOptions{
		Registerer: registry,
		OnChange:   func() { fmt.Println("evaluate soon") },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	load := func(dsn, query string, interval time.Duration) []probes.Spec {
		return []probes.Spec{{
			Name:     "orders",
			Interval: interval,
			Target:   dsn + "\x00" + query, // may hold a password: it is shown nowhere
			Probe:    probes.Func(func(context.Context) (probes.Result, error) { return probes.Result{}, nil }),
		}}
	}
	for _, specs := range [][]probes.Spec{
		load("postgres://db/orders", "SELECT 1", 30*time.Second),
		load("postgres://db/orders", "SELECT 1", time.Minute), // still proven
		load("postgres://db/orders", "SELECT 2", time.Minute), // unproven
	} {
		if err := runner.Apply(specs); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// evaluate soon
	// evaluate soon
	// evaluate soon
}
