package web

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// A start in which a check with a long interval first fails, and then passes, leaves nothing behind: from then on no alert
// is there, pending or firing, and no score is under 1, by the shipped rules and whatever the phase of the schedule.
func TestSoundStartWithFailedTries(t *testing.T) {
	for node := range 4 {
		synctest.Test(t, func(t *testing.T) {
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			late := probes.Func(func(context.Context) (probes.Result, error) {
				if time.Since(began) < 20*time.Second {
					return probes.Result{}, errors.New("connection refused")
				}
				return probes.Result{}, nil
			})
			set, err := rules.Load(rules.Options{Components: []string{"database"}, Probes: []string{"db"}})
			must(err)
			registry := prometheus.NewRegistry()
			registry.MustRegister(rules.NewPolicyCollector(rules.DefaultPolicy()))
			var proven atomic.Pointer[time.Time]
			evaluations := 0
			verdicts, err := evaluator.New(evaluator.Options{
				Gatherer: registry, Registerer: registry, Rules: set, Interval: 10 * time.Second,
				OnSnapshot: func(s *evaluator.Snapshot) {
					at := proven.Load()
					if at == nil || s.Time.Before(at.Add(time.Second)) {
						return
					}
					evaluations++
					if s.Status != evaluator.Healthy || s.Score != 1 || len(s.Alerts) > 0 {
						t.Errorf("node %d, %v after the pass: %s, score %v, alerts %+v, %s",
							node, s.Time.Sub(*at), s.Status, s.Score, s.Alerts, s.Message)
					}
				},
			})
			must(err)
			runner, err := probes.NewRunner(probes.RunnerOptions{
				Registerer: registry, NodeID: fmt.Sprint(node),
				OnOutcome: func(o probes.Outcome) {
					if o.Healthy() {
						proven.Store(&o.Finished)
					}
					verdicts.Trigger()
				},
			})
			must(err)
			must(runner.Register(probes.Spec{
				Name: "db", Component: "database", Critical: true, Interval: 2 * time.Minute, Probe: late,
			}))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			for _, run := range []func(context.Context) error{runner.Run, verdicts.Run} {
				go func() { ended <- run(ctx) }()
			}
			time.Sleep(12 * time.Minute)
			cancel()
			for range 2 {
				if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
			if at := proven.Load(); at == nil || at.Sub(began) > 40*time.Second || evaluations < 60 {
				t.Errorf("node %d: proven at %v, %d evaluations", node, at, evaluations)
			}
			families, err := verdicts.Derived().Gather()
			must(err)
			ratio := 0.0
			for _, f := range families {
				if f.GetName() == "chorus_health_check_success_ratio" {
					ratio = f.Metric[0].GetGauge().GetValue()
				}
			}
			if ratio != 1 {
				t.Errorf("node %d: a success ratio of %v", node, ratio)
			}
		})
	}
}
