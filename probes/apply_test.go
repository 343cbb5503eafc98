package probes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestApplyIsAllOrNothing(t *testing.T) {
	r := newTestRunner(t, RunnerOptions{})
	register(t, r, Spec{Name: "code", Probe: new(passing)})
	apply(t, r, Spec{Name: "old", Probe: new(passing)})
	err := r.Apply([]Spec{
		{Name: "new", Probe: new(passing)},
		{Name: "twice", Probe: new(passing)},
		{Name: "twice", Probe: new(passing)},
		{Name: "bad name", Probe: new(passing)},
		{Name: "empty"},
		{Name: "code", Probe: new(passing)},
	})
	for _, want := range []string{
		`check "twice": the name is used twice`, `check "bad name": name`, `check "empty": no probe`,
		`check "code": the program registered a check of that name`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Apply: %v, want %q in it", err, want)
		}
	}
	if got := names(r); got != "[code old]" {
		t.Errorf("checks after a faulty Apply: %s", got)
	}
	apply(t, r, Spec{Name: "new", Probe: new(passing)}, Spec{Name: "off", Disabled: true})
	if got := names(r); got != "[code new off]" {
		t.Errorf("checks after Apply: %s, want code's check and the new set", got)
	}
	if err := r.Register(Spec{Name: "new", Probe: new(passing)}); err == nil {
		t.Error("Register takes the name of a configured check")
	}
	want := Spec{
		Name: "new", Component: "other", Interval: DefaultInterval, Timeout: DefaultTimeout,
		FailureThreshold: DefaultFailureThreshold, Probe: new(passing),
	}
	if diff := cmp.Diff(want, r.Checks()[1]); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func names(r *Runner) string {
	var all []string
	for _, s := range r.Checks() {
		all = append(all, s.Name)
	}
	return fmt.Sprint(all)
}

// count counts its runs and can be made to fail.
type count struct {
	runs atomic.Int32
	mu   sync.Mutex
	err  error
}

// set makes runs that begin later end with err.
func (c *count) set(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *count) Probe(context.Context) (Result, error) {
	c.runs.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	return Result{}, c.err
}

func TestApplyOfAnEqualSpecKeepsThePhase(t *testing.T) {
	for name, c := range map[string]struct {
		probe func() Probe
		equal bool
	}{
		"pointer": {probe: func() func() Probe { p := new(count); return func() Probe { return p } }(), equal: true},
		"func": {probe: func() func() Probe {
			p := Func(new(count).Probe)
			return func() Probe { return p }
		}()},
		"another pointer": {probe: func() Probe { return new(count) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTestRunner(t, RunnerOptions{})
				spec := func() Spec { return Spec{Name: "db", Interval: time.Hour, Probe: c.probe()} }
				apply(t, r, spec())
				inRun(t, r, func() {
					sleep(5 * time.Second)
					before := len(outcomes(r, "db"))
					apply(t, r, spec())
					sleep(5 * time.Second)
					if again := len(outcomes(r, "db")) > before; again == c.equal {
						t.Errorf("ran again: %v, want %v", again, !c.equal)
					}
				})
			})
		})
	}
}

func TestApplyOfAChangedSpecKeepsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		probe := new(count)
		s := Spec{Name: "db", Interval: 10 * time.Minute, Timeout: time.Minute, Probe: probe}
		apply(t, r, s)
		inRun(t, r, func() {
			sleep(3 * time.Second)
			passed := len(outcomes(r, "db"))
			probe.set(errors.New("down"))
			sleep(30 * time.Minute)
			before := outcomes(r, "db")
			failed := float64(len(before) - passed)
			s.Interval, s.Critical, s.FailureThreshold = time.Minute, true, 5
			apply(t, r, s)
			// The last result is older than two of the new intervals, though nothing is late.
			gathered(t, registry, "chorus_health_check_interval_seconds", 600)
			gathered(t, registry, "chorus_health_check_failure_threshold", 5)
			gathered(t, registry, "chorus_health_check_consecutive_failures", failed)
			gathered(t, registry, "chorus_health_checks_failed_total", failed)
			gathered(t, registry, "chorus_health_check_proven", 1)
			if now := outcomes(r, "db"); len(now) != len(before) {
				t.Errorf("history has %d outcomes after Apply, want %d", len(now), len(before))
			}
			sleep(3 * time.Second)
			gathered(t, registry, "chorus_health_check_interval_seconds", 60)
			gathered(t, registry, "chorus_health_check_consecutive_failures", failed+1)
			if o, _ := r.Last("db", time.Time{}); float64(o.ConsecutiveFailures) != failed+1 {
				t.Errorf("%d consecutive failures, want %v", o.ConsecutiveFailures, failed+1)
			}
		})
	})
}

func TestApplyCancelsTheRunOfAChangedSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		waits := Func(func(ctx context.Context) (Result, error) {
			<-ctx.Done()
			return Result{}, ctx.Err()
		})
		apply(t, r, Spec{Name: "db", Interval: time.Hour, Timeout: 30 * time.Minute, Probe: waits})
		inRun(t, r, func() {
			sleep(5 * time.Second)
			apply(t, r, Spec{Name: "db", Interval: time.Hour, Probe: new(passing)})
			sleep(5 * time.Second)
			all := outcomes(r, "db")
			if len(all) != 1 || !all[0].Healthy() {
				t.Errorf("outcomes %+v, want the new probe's alone", all)
			}
		})
	})
}

func TestDisabledChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		probe := &count{err: errors.New("down")}
		on := Spec{Name: "db", Interval: time.Minute, Probe: probe}
		off := on
		off.Disabled = true
		apply(t, r, on)
		inRun(t, r, func() {
			sleep(10 * time.Minute)
			before, failed := probe.runs.Load(), 0
			for _, o := range outcomes(r, "db") {
				if !o.Starting {
					failed++
				}
			}
			apply(t, r, off)
			sleep(time.Hour)
			if families, err := registry.Gather(); err != nil || len(families) != 0 {
				t.Errorf("Gather of a disabled check: %v, %v, want nothing", families, err)
			}
			if got := names(r); got != "[db]" || probe.runs.Load() != before {
				t.Errorf("checks %s, %d runs while disabled", got, probe.runs.Load()-before)
			}
			apply(t, r, on)
			gathered(t, registry, "chorus_health_checks_failed_total", float64(failed))
			gathered(t, registry, "chorus_health_check_consecutive_failures", 0)
			if n, err := testutil.GatherAndCount(registry, "chorus_health_check_last_run_timestamp_seconds"); n != 0 || err != nil {
				t.Errorf("the last run of an hour ago is exposed: it would read as stale (%v)", err)
			}
			sleep(3 * time.Second)
			gathered(t, registry, "chorus_health_check_consecutive_failures", 1)
		})
	})
}

func TestGoneChecksStayReadableUntilTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{CleanupInterval: time.Hour})
		inRun(t, r, func() {
			apply(t, r, Spec{Name: "db", Probe: new(passing)})
			sleep(10 * time.Second)
			apply(t, r)
			if _, ok := r.Last("db", time.Time{}); !ok || len(outcomes(r, "db")) == 0 {
				t.Error("the results are gone with the check, want them until the sweep")
			}
			sleep(time.Hour)
			if _, ok := r.Last("db", time.Time{}); ok || len(r.gone) != 0 {
				t.Error("results of a check that is gone outlived the sweep")
			}
		})
		for i := range 10 * maxGone { // nobody sweeps while Run does not run
			register(t, r, Spec{Name: fmt.Sprint("check-", i), Probe: new(passing)})
			r.Unregister(fmt.Sprint("check-", i))
		}
		if len(r.gone) > maxGone {
			t.Errorf("%d checks that are gone are kept, want at most %d", len(r.gone), maxGone)
		}
	})
}
