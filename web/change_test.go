package web

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// A check that is registered or removed while all runs is in the next answer, not only after the next interval.
func TestChecksThatComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		set, err := rules.Load(rules.Options{Components: []string{"database"}, Probes: []string{"db", "late"}})
		must(err)
		registry := prometheus.NewRegistry()
		registry.MustRegister(rules.NewPolicyCollector(rules.DefaultPolicy()))
		var h *Handler
		verdicts, err := evaluator.New(evaluator.Options{
			Gatherer: registry, Registerer: registry, Rules: set, Interval: time.Hour, StallTimeout: 3 * time.Hour,
			OnSnapshot: func(s *evaluator.Snapshot) { h.Publish(s) },
		})
		must(err)
		runner, err := probes.NewRunner(probes.RunnerOptions{
			Registerer: registry, OnChange: verdicts.Trigger, // outcomes are left out: they trigger evaluations too
		})
		must(err)
		probe := probes.Func(func(context.Context) (probes.Result, error) { return probes.Result{}, nil })
		must(runner.Register(probes.Spec{Name: "db", Component: "database", Interval: time.Hour, Probe: probe}))
		h, err = New(Options{
			Evaluator: verdicts, Probes: runner, Gatherers: prometheus.Gatherers{registry, verdicts.Derived()},
		})
		must(err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		for _, run := range []func(context.Context) error{runner.Run, verdicts.Run} {
			go func() { ended <- run(ctx) }()
		}
		shows := func(when, name string, want bool) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			if got := strings.Contains(body(t, ask(h, "GET", "/health/checks")), `"`+name+`":{`); got != want {
				t.Errorf("%s: %s is shown: %v, want %v", when, name, got, want)
			}
		}
		time.Sleep(10 * time.Second)
		must(runner.Register(probes.Spec{Name: "late", Component: "database", Interval: time.Hour, Probe: probe}))
		shows("registered", "late", true)
		runner.Unregister("db")
		shows("removed", "db", false)
		must(runner.Apply([]probes.Spec{{Name: "db", Component: "database", Probe: probe}}))
		shows("applied", "db", true)
		must(runner.Apply(nil))
		shows("applied without it", "db", false)
		cancel()
		for range 2 {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
}
