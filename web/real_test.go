package web

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// The interfaces a Handler depends on are views of these.
var (
	_ Verdicts = (*evaluator.Evaluator)(nil)
	_ Probes   = (*probes.Runner)(nil)
)

// TestRealParts puts a real runner and a real evaluator behind a Handler and lets a database fail and come back.
func TestRealParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		n := newExporter(t, func(context.Context) (probes.Result, error) {
			if down.Load() {
				return probes.Result{}, probes.WithReason(probes.ReasonRefused, errors.New("connection refused"))
			}
			return probes.Result{Message: "query answered", Details: map[string]any{"server": "16.2"}}, nil
		})
		defer n.stop()
		n.want("before the first evaluation", evaluator.Starting, `chorus_health_status{status="starting"} 1`)

		time.Sleep(30 * time.Second)
		n.want("database answers", evaluator.Healthy, `chorus_health_status{status="healthy"} 1`)
		if got := checkNow(t, n.handler, "db"); got.Message != "query answered" || got.State != evaluator.StateOK {
			t.Errorf("database answers: %+v", got)
		}
		if got := checkNow(t, n.handler, "memory-usage"); got == nil || got.State != evaluator.StateDisabled || !got.Healthy {
			t.Errorf("a rule check that is off by default: %+v", got)
		}

		down.Store(true)
		time.Sleep(31 * time.Second)
		n.want("database is down", evaluator.Unhealthy, `chorus_health_status{status="unhealthy"} 1`)
		if got := checkNow(t, n.handler, "db"); got.Healthy || got.Error != "connection refused" || got.Fails < 1 {
			t.Errorf("database is down: %+v", got)
		}
		recent := body(t, ask(n.handler, "GET", "/health/checks/db"))
		if !strings.Contains(recent, `"reason":"refused"`) || !strings.Contains(recent, `"message":"query answered"`) {
			t.Errorf("recent results: %s", recent)
		}

		down.Store(false)
		time.Sleep(31 * time.Second)
		n.want("database is back", evaluator.Healthy, `chorus_health_status{status="healthy"} 1`)

		n.evaluator.Stopping()
		n.want("shutdown begins", evaluator.Stopping, `chorus_health_status{status="stopping"} 1`)
		if got := ask(n.handler, "GET", "/health/live").StatusCode; got != 503 {
			t.Errorf("live while stopping: got %d, want 503", got)
		}
	})
}

// exporter is a running one without a listener.
type exporter struct {
	t         *testing.T
	evaluator *evaluator.Evaluator
	handler   *Handler
	stop      func()
}

func newExporter(t *testing.T, database probes.Func) *exporter {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	set, err := rules.Load(rules.Options{
		Components: []string{"database", "resources"}, Probes: []string{"db"},
		Disabled: []string{"resource-health"},
	})
	must(err)
	n := &exporter{t: t}
	reg := prometheus.NewRegistry()
	reg.MustRegister(rules.NewPolicyCollector(rules.DefaultPolicy()))
	runner, err := probes.NewRunner(probes.RunnerOptions{
		Registerer: reg, OnOutcome: func(probes.Outcome) { n.evaluator.Trigger() },
	})
	must(err)
	must(runner.Register(probes.Spec{
		Name: "db", Component: "database", Critical: true, FailureThreshold: 1, Probe: database,
	}))
	n.evaluator, err = evaluator.New(evaluator.Options{
		Gatherer: reg, Registerer: reg, Rules: set, Cause: runner.Cause,
		OnSnapshot: func(s *evaluator.Snapshot) { n.handler.Publish(s) },
	})
	must(err)
	n.handler, err = New(Options{
		Evaluator: n.evaluator, Probes: runner, Gatherers: prometheus.Gatherers{reg, n.evaluator.Derived()}, NodeID: "node-123",
	})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{runner.Run, n.evaluator.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	n.stop = func() { cancel(); running.Wait() }
	return n
}

// want holds that /health and /metrics say the same.
func (n *exporter) want(when string, status evaluator.Status, metric string) {
	n.t.Helper()
	if got := statusNow(n.t, n.handler); got != status {
		n.t.Errorf("%s: got %s, want %s: %s", when, got, status, body(n.t, ask(n.handler, "GET", "/health")))
	}
	if text := body(n.t, ask(n.handler, "GET", "/metrics")); !strings.Contains(text, metric) {
		n.t.Errorf("%s: /metrics does not say %s", when, metric)
	}
}
