package web

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// world is what a Handler looks at, set to what a test wants it to see.
type world struct {
	snapshot atomic.Pointer[evaluator.Snapshot]
	specs    []probes.Spec
	runs     map[string][]probes.Outcome // newest first
	results  map[string][]evaluator.Outcome
	actions  []evaluator.ActionEvent // newest first
}

func (w *world) Snapshot() *evaluator.Snapshot { return w.snapshot.Load() }
func (w *world) Rules() *rules.Set             { return &rules.Set{} }

func (w *world) Actions() []evaluator.ActionEvent { return w.actions }

func (w *world) Results(check string) iter.Seq[evaluator.Outcome] {
	return slices.Values(w.results[check])
}

// runner is the world's other side: the two sides have a method of the same name.
type runner struct{ *world }

func (r runner) Checks() []probes.Spec                        { return r.specs }
func (r runner) Results(name string) iter.Seq[probes.Outcome] { return slices.Values(r.runs[name]) }
func (r runner) Last(name string, notAfter time.Time) (probes.Outcome, bool) {
	for _, o := range r.runs[name] {
		if !o.Finished.After(notAfter) {
			return o, true
		}
	}
	return probes.Outcome{}, false
}

// allStatuses in the order in which the contract decides between them.
var allStatuses = evaluator.Statuses()

// newWorld is a node in the given status at the present time: a probe that passes, one that just failed once, one that
// is switched off, and a rule check.
func newWorld(status evaluator.Status) *world {
	now := time.Now().UTC()
	w := &world{
		specs: []probes.Spec{
			{
				Name: "database-connectivity", Description: "A query on a real connection", Component: "database",
				Critical: true, Interval: 30 * time.Second, Timeout: 10 * time.Second,
			},
			{
				Name: "pubsub-enhanced", Description: "A message goes round", Component: "pubsub",
				Critical: true, Interval: 30 * time.Second, Timeout: 10 * time.Second, FailureThreshold: 3,
			},
			{
				Name: "dht-active", Description: "A put and a get", Component: "dht", Disabled: true,
				Interval: 90 * time.Second, Timeout: 20 * time.Second,
			},
		},
		runs: map[string][]probes.Outcome{}, results: map[string][]evaluator.Outcome{},
	}
	w.snapshot.Store(snapshotOf(status, now))
	if status == evaluator.Starting {
		return w
	}
	w.runs["database-connectivity"] = databaseRuns(now)
	w.runs["pubsub-enhanced"] = []probes.Outcome{{
		Check: "pubsub-enhanced", Started: now.Add(-12 * time.Second), Finished: now.Add(-2 * time.Second),
		Result:              probes.Result{Details: map[string]any{"mode": "relayed", "waited": 10 * time.Second}},
		Err:                 errors.New("message <7> did not come back within 10s"),
		Reason:              "timeout",
		ConsecutiveFailures: 1,
	}}
	w.results["disk-space"] = []evaluator.Outcome{
		{Time: now, Healthy: true, State: evaluator.StateOK, Message: "Disks have room", Latency: 41000},
		{Time: now.Add(-time.Minute), State: evaluator.StateUnknown, Message: "nothing measures disk-space"},
	}
	return w
}

// databaseRuns are two passed runs; the newer one ended after the evaluation and belongs to the next.
func databaseRuns(now time.Time) []probes.Outcome {
	run := func(end time.Time, latency time.Duration) probes.Outcome {
		return probes.Outcome{
			Check: "database-connectivity", Started: end.Add(-latency), Finished: end,
			Result: probes.Result{Message: "query answered", Details: map[string]any{
				"server": "16.2 & up", "open": 3, "share": math.NaN(), "odd": func() {}, "none": nil,
			}},
		}
	}
	return []probes.Outcome{
		run(now.Add(time.Millisecond), 9*time.Millisecond),
		run(now.Add(-time.Second), 8*time.Millisecond),
	}
}

func snapshotOf(status evaluator.Status, now time.Time) *evaluator.Snapshot {
	s := &evaluator.Snapshot{
		Time: now, Finished: now, Complete: true, Status: status, Since: now.Add(-time.Hour),
		Message: "All health checks passing", Score: 1,
		Components: []evaluator.Component{
			{Name: "database", Score: 1}, {Name: "pubsub", Score: 0.9}, {Name: "resources", Score: math.NaN()},
		},
		KeyMetrics: map[string]float64{
			"connected_peers": 5, "active_tasks": math.NaN(), "admin_uptime": 9015.7,
			"resource_utilization_cpu": 0.25, "resource_utilization_disk": 0.5, "own_key": 1e9,
		},
		TotalRuns: 120, FailedRuns: 3, StallTimeout: time.Minute,
		Checks: []evaluator.Check{
			{
				Name: "database-connectivity", Component: "database", Kind: "probe", Critical: true,
				State: evaluator.StateOK, Since: now.Add(-time.Hour), Healthy: true,
				Details: map[string]float64{"success_ratio": 1, "noise": math.Inf(1)},
			},
			{
				Name: "disk-space", Component: "resources", Kind: "rule", Description: "Room on every path",
				State: evaluator.StateOK, Since: now.Add(-time.Hour), Healthy: true, Message: "Disks have room",
				Details: map[string]float64{"/": 0.5}, Interval: time.Minute, Timeout: 5 * time.Second, Latency: 41000,
			},
			{
				Name: "pubsub-enhanced", Component: "pubsub", Kind: "probe", Critical: true,
				State: evaluator.StatePending, Since: now.Add(-2 * time.Second), Healthy: true, ConsecutiveFailures: 1,
			},
		},
	}
	switch status {
	case evaluator.Healthy:
		s.Message = "pubsub-enhanced: message <7> did not come back within 10s (pending)"
	case evaluator.Degraded:
		s.Message, s.Score = "disk-space: / is 93% full (limit 90%)", 0.9
		fire(&s.Checks[1], "warning", "DiskFull", "/ is 93% full", 0.93, now)
	case evaluator.Unhealthy:
		s.Message, s.Score = "database-connectivity <b>failed</b>", math.NaN()
		fire(&s.Checks[0], "critical", "CheckFailing", "database-connectivity <b>failed</b>", math.NaN(), now)
		s.Checks[1].Alerts = []evaluator.Alert{{
			Name: "DiskFull", Severity: "warning", State: "pending", Masked: true, MaskedBy: "storage", ActiveAt: now, Value: 0.91,
			Summary: "/ is 91% full", ForLeft: 90 * time.Second,
		}}
	case evaluator.Starting:
		s.Complete, s.Message = false, "starting: waiting for database-connectivity, disk-space, pubsub-enhanced"
		for i := range s.Checks {
			c := &s.Checks[i]
			c.State, c.Message, c.Details, c.ConsecutiveFailures = evaluator.StatePending, "", nil, 0
		}
	case evaluator.Stopping:
		s.Message = "Stopping"
	}
	return s
}

// fire turns c to firing with one alert.
func fire(c *evaluator.Check, severity, name, summary string, value float64, now time.Time) {
	c.State, c.Healthy, c.Message, c.Since = evaluator.StateFiring, false, summary, now.Add(-time.Minute)
	a := evaluator.Alert{
		Name: name, Check: c.Name, Severity: severity, State: "firing", ActiveAt: now.Add(-time.Minute), Value: value,
		Summary: summary, RunbookURL: "/runbooks/" + name,
	}
	if limit := 0.9; name == "DiskFull" {
		a.Limit, a.Op, a.Unit, a.Impact = &limit, ">", "ratio", "Nothing more can be stored."
		a.Clears = "ends when the value is 0.9 or less"
	}
	c.Alerts = []evaluator.Alert{a}
}

// handler is a Handler that looks at w, with every page switched on unless change says otherwise.
func (w *world) handler(t testing.TB, change ...func(*Options)) *Handler {
	t.Helper()
	reg := prometheus.NewRegistry()
	o := Options{
		Evaluator: w, Probes: runner{w}, Gatherers: prometheus.Gatherers{reg}, Registerer: reg,
		NodeID: "node-123", Version: "v1.0.0", StartTime: time.Now().Add(-24 * time.Hour),
		EnableLifecycle: true, EnablePprof: true,
		Reload: func(context.Context) error { return nil },
		Config: func() []byte { return []byte("node_id: node-123\n") },
	}
	for _, c := range change {
		c(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends h one request.
func ask(h http.Handler, method, path string) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	return rec.Result()
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}
