package probes

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// deaf is a probe that ignores its context until it is let go.
type deaf struct {
	calls atomic.Int32
	let   chan struct{}
}

func newDeaf() *deaf { return &deaf{let: make(chan struct{})} }

func (d *deaf) Probe(context.Context) (Result, error) {
	d.calls.Add(1)
	<-d.let
	return Result{Message: "at last"}, nil
}

func stuck(t *testing.T, g prometheus.Gatherer, want string) {
	t.Helper()
	text := "# HELP chorus_health_check_stuck Whether an abandoned run of the check has not returned yet (1) or none is out (0).\n" +
		"# TYPE chorus_health_check_stuck gauge\n" + `chorus_health_check_stuck{check_name="db"} ` + want + "\n"
	if err := testutil.GatherAndCompare(g, strings.NewReader(text), "chorus_health_check_stuck"); err != nil {
		t.Error(err)
	}
}

func TestProbeThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		probe := newDeaf()
		register(t, r, Spec{Name: "db", Interval: 10 * time.Second, Timeout: time.Second, Probe: probe})
		register(t, r, Spec{Name: "other", Interval: 10 * time.Second, Probe: new(passing)})
		inRun(t, r, func() {
			sleep(2 * time.Minute)
			stuck(t, registryOf(registry, "db"), "1")
			all := outcomes(r, "db")
			if len(all) < 12 {
				t.Errorf("%d outcomes in 2 minutes, want one for each time a run was due", len(all))
			}
			scheduled := 0
			for i, o := range slices.Backward(all) {
				if !o.Starting {
					scheduled++
				}
				if o.Reason != ReasonTimeout || o.Healthy() || o.ConsecutiveFailures != max(scheduled, 1) {
					t.Errorf("outcome %d: %+v, want a failed one with reason timeout", i, o)
				}
			}
			if first := all[len(all)-1]; first.Duration() > 2*time.Second || !strings.Contains(first.Err.Error(), "abandoned") {
				t.Errorf("first outcome after %v: %v, want an abandoned run soon after 1 s", first.Duration(), first.Err)
			}
			if text := all[0].Err.Error(); !strings.Contains(text, "previous run has not returned") {
				t.Errorf("newest outcome: %q", text)
			}
			if probe.calls.Load() != 1 {
				t.Errorf("%d runs began while one was out", probe.calls.Load())
			}
			if got := len(outcomes(r, "other")); got < 12 {
				t.Errorf("the other check ran %d times, want 12", got)
			}
			close(probe.let)
			synctest.Wait()
			stuck(t, registryOf(registry, "db"), "0")
			if got := outcomes(r, "db"); len(got) != len(all) {
				t.Errorf("the late result was recorded: %v", got[0])
			}
			sleep(10 * time.Second)
			if o, _ := r.Last("db", time.Time{}); !o.Healthy() {
				t.Errorf("after the run returned: %v, want a new one that passes", o.Err)
			}
		})
	})
}

// registryOf keeps only the series of one check.
func registryOf(g prometheus.Gatherer, check string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dtoFamily, error) {
		families, err := g.Gather()
		for _, f := range families {
			var kept []*dtoMetric
			for _, m := range f.Metric {
				if m.Label[0].GetValue() == check {
					kept = append(kept, m)
				}
			}
			f.Metric = kept
		}
		return families, err
	})
}

func TestAtMostOneAbandonedRun(t *testing.T) {
	for name, replace := range map[string]func(*testing.T, *Runner, Spec){
		"unregister and register": func(t *testing.T, r *Runner, s Spec) {
			r.Unregister(s.Name)
			apply(t, r, s)
		},
		"unregister, sweep, register": func(t *testing.T, r *Runner, s Spec) {
			r.Unregister(s.Name)
			sleep(2 * DefaultCleanupInterval)
			apply(t, r, s)
		},
		"apply": func(t *testing.T, r *Runner, s Spec) {
			s.Description = "changed"
			apply(t, r, s)
		},
		"apply twice": func(t *testing.T, r *Runner, s Spec) {
			apply(t, r)
			apply(t, r, s)
		},
	} {
		for when, wait := range map[string]time.Duration{"once abandoned": time.Minute, "in flight": 5 * time.Second} {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					registry := prometheus.NewPedanticRegistry()
					r := newTestRunner(t, RunnerOptions{Registerer: registry})
					probe := newDeaf()
					s := Spec{Name: "db", Interval: 20 * time.Second, Timeout: 10 * time.Second, Probe: probe}
					apply(t, r, s)
					inRun(t, r, func() {
						sleep(wait)
						replace(t, r, s)
						sleep(time.Minute)
						if probe.calls.Load() != 1 {
							t.Errorf("%d runs out at once", probe.calls.Load())
						}
						stuck(t, registry, "1")
						o, ok := r.Last("db", time.Time{})
						if !ok || o.Reason != ReasonTimeout {
							t.Errorf("last outcome %+v, want a failed one with reason timeout", o)
						}
						close(probe.let)
						sleep(20 * time.Second)
						stuck(t, registry, "0")
						if o, _ := r.Last("db", time.Time{}); !o.Healthy() || probe.calls.Load() < 2 {
							t.Errorf("after the run returned: %v, want a new one that passes", o.Err)
						}
					})
				})
			})
		}
	}
}

func TestRunReturnsDespiteAStuckProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		probe := newDeaf()
		register(t, r, Spec{Name: "db", Timeout: time.Hour, Probe: probe})
		inRun(t, r, func() { sleep(5 * time.Second) }) // would be a deadlock if Run waited
		if all := outcomes(r, "db"); len(all) != 0 {
			t.Errorf("outcomes: %v, want none", all)
		}
		close(probe.let)
	})
}

func TestHowARunCanEnd(t *testing.T) {
	long := strings.Repeat("long ", 1000)
	for name, c := range map[string]struct {
		probe   Func
		reason  Reason
		text    string
		message string
	}{
		"pass": {probe: func(context.Context) (Result, error) { return Result{Message: "fine"}, nil }, message: "fine"},
		"error": {
			probe:  func(context.Context) (Result, error) { return Result{Message: "half"}, errors.New("down") },
			reason: ReasonError, text: "down", message: "half",
		},
		"named reason": {
			probe:  func(context.Context) (Result, error) { return Result{}, WithReason(ReasonNoPeers, errors.New("alone")) },
			reason: ReasonNoPeers, text: "alone",
		},
		"its own words for the deadline": {
			probe: func(ctx context.Context) (Result, error) {
				<-ctx.Done()
				return Result{}, errors.New("interrupted (9)")
			},
			reason: ReasonTimeout, text: "no result within 10s: interrupted (9)",
		},
		"a named reason outlives the deadline": {
			probe: func(ctx context.Context) (Result, error) {
				<-ctx.Done()
				return Result{}, WithReason(ReasonWarmingUp, ctx.Err())
			},
			reason: ReasonWarmingUp, text: "context deadline exceeded",
		},
		"passed too late": {
			probe: func(ctx context.Context) (Result, error) {
				<-ctx.Done()
				time.Sleep(grace / 2)
				return Result{}, nil
			},
			reason: ReasonTimeout, text: "passed after 10.25s, later than its timeout of 10s",
		},
		"panic":        {probe: func(context.Context) (Result, error) { panic("oh no") }, reason: ReasonPanic, text: "the probe panicked: oh no"},
		"nil panic":    {probe: func(context.Context) (Result, error) { panic(nothing()) }, reason: ReasonPanic, text: "the probe panicked: panic called with nil argument"},
		"Goexit":       {probe: func(context.Context) (Result, error) { runtime.Goexit(); return Result{}, nil }, reason: ReasonPanic, text: "the probe ended its goroutine"},
		"silent error": {probe: func(context.Context) (Result, error) { return Result{}, errors.New("") }, reason: ReasonError, text: "the probe failed without saying why"},
		"one line an attempt": {
			probe: func(context.Context) (Result, error) {
				return Result{}, errors.New("connect to `db`:\n\t::1: refused\n\t127.0.0.1: refused\n\t::1: refused")
			},
			reason: ReasonError, text: "connect to `db`: ::1: refused; 127.0.0.1: refused",
		},
		"long error":    {probe: func(context.Context) (Result, error) { return Result{}, errors.New(long) }, reason: ReasonError, text: clip(long)},
		"Error panics":  {probe: func(context.Context) (Result, error) { var e *badError; return Result{}, e }, reason: ReasonPanic, text: "the probe panicked: runtime error: invalid memory address or nil pointer dereference"},
		"invented word": {probe: func(context.Context) (Result, error) { return Result{}, WithReason("bogus", errors.New("x")) }, reason: ReasonError, text: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				r := newTestRunner(t, RunnerOptions{Logger: log.NewSyncLogger(log.NewLogfmtLogger(&logged))})
				register(t, r, Spec{Name: "db", Interval: time.Hour, Probe: c.probe})
				inRun(t, r, func() { sleep(20 * time.Second) })
				o, ok := r.Last("db", time.Time{})
				if !ok || o.Reason != c.reason || o.Result.Message != c.message || o.Healthy() != (c.reason == "") {
					t.Errorf("outcome %+v, want reason %q and message %q", o, c.reason, c.message)
				}
				if c.reason != "" && (o.Err.Error() != c.text || ReasonOf(o.Err) != c.reason) {
					t.Errorf("error %q with reason %q, want %q", o.Err, ReasonOf(o.Err), c.text)
				}
				if c.reason == ReasonPanic && !strings.Contains(logged.String(), "stuck_test.go") && name != "Error panics" {
					t.Errorf("no stack in the log: %s", logged.String())
				}
			})
		})
	}
}

type badError struct{ text string }

func (e *badError) Error() string { return e.text }

// A due run counts at once, however short the interval: an abandoned run is not waited for once more.
func TestStuckTicksOfAShortInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		probe := newDeaf()
		register(t, r, Spec{Name: "db", Interval: grace / 5, Timeout: grace / 5, Probe: probe})
		inRun(t, r, func() {
			sleep(10 * grace)
			before := len(outcomes(r, "db"))
			sleep(10 * grace)
			if got := len(outcomes(r, "db")) - before; got != 50 {
				t.Errorf("%d outcomes in 50 intervals", got)
			}
		})
		close(probe.let)
	})
}

// A run may end in the very moment its task is replaced: then too its outcome is dropped.
func TestOutcomeOfAReplacedTask(t *testing.T) {
	r := newTestRunner(t, RunnerOptions{OnOutcome: func(o Outcome) { t.Errorf("told of %v", o) }})
	register(t, r, Spec{Name: "db", Probe: new(passing)})
	c := r.checks["db"]
	replaced := &task{runner: r, check: c, spec: c.spec}
	replaced.record(Outcome{Check: "db"}, true)
	if _, ok := r.Last("db", time.Time{}); ok {
		t.Error("the outcome was recorded")
	}
}

// nothing is nil in a way that vet does not see through.
func nothing() error { return nil }
