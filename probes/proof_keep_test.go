package probes

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// plain is a probe like passing of a type that == compares by value.
type plain struct{ text string }

func (p plain) Probe(context.Context) (Result, error) { return Result{Message: p.text}, nil }

func TestWhatLosesProof(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		keeps  bool
	}{
		"nothing":                       {change: func(*Spec) {}, keeps: true},
		"interval":                      {change: func(s *Spec) { s.Interval = time.Minute }, keeps: true},
		"timeout":                       {change: func(s *Spec) { s.Timeout = time.Second }, keeps: true},
		"threshold":                     {change: func(s *Spec) { s.FailureThreshold = 1 }, keeps: true},
		"text":                          {change: func(s *Spec) { s.Description, s.Component = "other", "other-component" }, keeps: true},
		"critical":                      {change: func(s *Spec) { s.Critical = true }, keeps: true},
		"another probe, same target":    {change: func(s *Spec) { s.Probe = new(count) }, keeps: true},
		"a Func, same target":           {change: func(s *Spec) { s.Probe = Func(new(count).Probe) }, keeps: true},
		"another target, same probe":    {change: func(s *Spec) { s.Target = "postgres://b" }},
		"another target, another probe": {change: func(s *Spec) { s.Target, s.Probe = "postgres://b", new(count) }},
		"a target taken away":           {change: func(s *Spec) { s.Target = "" }},
		"target but for its case":       {change: func(s *Spec) { s.Target = "POSTGRES://a" }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testProof(t, Spec{Name: "db", Interval: time.Hour, Target: "postgres://a", Probe: new(count)}, c.change, c.keeps)
			})
		})
	}
}

// Without a target the probe is the target.
func TestWhatLosesProofWithoutATarget(t *testing.T) {
	same := new(count)
	for name, c := range map[string]struct {
		probe  Probe
		change func(*Spec)
		keeps  bool
	}{
		"same pointer":    {same, func(s *Spec) { s.Interval = time.Minute }, true},
		"equal value":     {plain{"a"}, func(s *Spec) { s.Probe, s.Timeout = plain{"a"}, time.Second }, true},
		"another value":   {plain{"a"}, func(s *Spec) { s.Probe = plain{"b"} }, false},
		"another pointer": {same, func(s *Spec) { s.Probe = new(count) }, false},
		"the same Func":   {Func(same.Probe), func(*Spec) {}, false},
		"a target added":  {same, func(s *Spec) { s.Target = "postgres://a" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testProof(t, Spec{Name: "db", Interval: time.Hour, Probe: c.probe}, c.change, c.keeps)
			})
		})
	}
}

// testProof proves a check, lets it fail twice, applies the change and says what is left.
func testProof(t *testing.T, s Spec, change func(*Spec), keeps bool) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	r := newTestRunner(t, RunnerOptions{Registerer: registry})
	apply(t, r, s)
	inRun(t, r, func() {
		sleep(3 * time.Second)
		c := r.checks["db"]
		for range 2 {
			c.add(&Outcome{Check: "db", Err: errors.New("down"), Reason: ReasonError, Finished: time.Now()}, s.pace(), true)
		}
		gathered(t, registry, "chorus_health_check_proven", 1)
		passed := families(t, registry)["checks_passed_total"]
		change(&s)
		apply(t, r, s)
		failures := 0.0
		if keeps {
			failures = 2
		}
		gathered(t, registry, "chorus_health_check_proven", number(keeps))
		gathered(t, registry, "chorus_health_check_consecutive_failures", failures)
		gathered(t, registry, "chorus_health_checks_passed_total", passed)
		gathered(t, registry, "chorus_health_checks_failed_total", 2)
		if _, ok := r.Last("db", time.Time{}); ok != keeps {
			t.Errorf("an outcome to show: %v, want %v: that of another target says nothing", ok, keeps)
		}
		if len(outcomes(r, "db")) < 3 {
			t.Error("the history is gone")
		}
		sleep(3 * time.Second)
		gathered(t, registry, "chorus_health_check_proven", 1)
	})
}

func TestTriesBeginAgainWithTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		probe := &starter{failures: 1 << 30}
		s := Spec{Name: "db", Interval: time.Hour, Target: "a", Probe: probe}
		apply(t, r, s)
		inRun(t, r, func() {
			sleep(5 * time.Minute)
			s.Target = "b"
			before := len(outcomes(r, "db"))
			apply(t, r, s)
			sleep(10 * time.Second)
			all := outcomes(r, "db")
			got := pauses(all[:len(all)-before])
			want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pauses after the change (-want +got):\n%s", diff)
			}
		})
	})
}

// A reload that changes something else neither begins the pauses again nor puts the schedule off.
func TestReloadsDoNotPutTheScheduleOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		probe := &starter{failures: 1 << 30}
		s := Spec{Name: "db", Interval: time.Minute, Target: "a", Probe: probe}
		apply(t, r, s)
		inRun(t, r, func() {
			for i := range 40 {
				sleep(15 * time.Second)
				s.Description = fmt.Sprint(i)
				apply(t, r, s)
			}
			if failed := families(t, registry)["checks_failed_total"]; failed < 8 {
				t.Errorf("%v scheduled runs in 10 minutes of one a minute", failed)
			}
			gathered(t, registry, "chorus_health_check_proven", 0)
		})
	})
}

func TestProofOverTheLifeOfACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		s := Spec{Name: "db", Interval: time.Hour, Target: "a", Probe: new(passing)}
		off := s
		off.Disabled = true
		proven := func(want float64) {
			t.Helper()
			gathered(t, registry, "chorus_health_check_proven", want)
		}
		register(t, r, s)
		proven(0) // from its declaration on, before Run
		inRun(t, r, func() {
			sleep(3 * time.Second)
			proven(1)
			r.Unregister("db")
			register(t, r, s)
			proven(0)
			sleep(3 * time.Second)
			proven(1)
			r.Unregister("db")
			apply(t, r, s)
			proven(0)
			sleep(3 * time.Second)
			proven(1)
			apply(t, r, off)
			if n := len(families(t, registry)); n != 0 {
				t.Errorf("%d series of a check that is switched off", n)
			}
			apply(t, r, s)
			proven(0)
			sleep(3 * time.Second)
			proven(1)
			apply(t, r)
			apply(t, r, s)
			proven(0)
			sleep(3 * time.Second)
			proven(1)
		})
		proven(1) // Run has ended
		sleep(time.Hour)
		inRun(t, r, func() {
			proven(1)
			sleep(3 * time.Second)
		})
		proven(1)
	})
}

// An unproven check is tried in a second Run as in the first; what was cut off by the end of the first proves nothing.
func TestRunStoppedBeforeThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		register(t, r, Spec{Name: "db", Interval: time.Hour, Probe: &starter{takes: 5 * time.Second}})
		inRun(t, r, func() { sleep(4 * time.Second) })
		gathered(t, registry, "chorus_health_check_proven", 0)
		sleep(time.Minute)
		inRun(t, r, func() {
			gathered(t, registry, "chorus_health_check_proven", 0)
			sleep(9 * time.Second)
			gathered(t, registry, "chorus_health_check_proven", 1)
		})
	})
}

func TestOnChange(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	changes := 0
	r := newTestRunner(t, RunnerOptions{Registerer: registry, OnChange: func() {
		changes++
		if _, err := registry.Gather(); err != nil { // would hang if a lock were held
			t.Error(err)
		}
	}})
	s := Spec{Name: "db", Target: "a", Probe: new(passing)}
	other := s
	other.Target = "b"
	for _, step := range []struct {
		name string
		do   func() error
		want int
	}{
		{"register", func() error { return r.Register(Spec{Name: "code", Probe: new(passing)}) }, 1},
		{"register again", func() error { _ = r.Register(Spec{Name: "code", Probe: new(passing)}); return nil }, 0},
		{"apply", func() error { return r.Apply([]Spec{s}) }, 1},
		{"apply the same", func() error { return r.Apply([]Spec{s}) }, 0},
		{"apply a fault", func() error { _ = r.Apply([]Spec{{Name: "bad name"}}); return nil }, 0},
		{"apply another target", func() error { return r.Apply([]Spec{other}) }, 1},
		{"apply nothing", func() error { return r.Apply(nil) }, 1},
		{"apply nothing again", func() error { return r.Apply(nil) }, 0},
		{"unregister", func() error { r.Unregister("code"); return nil }, 1},
		{"unregister again", func() error { r.Unregister("code"); return nil }, 0},
	} {
		before := changes
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := changes - before; got != step.want {
			t.Errorf("%s: called %d times, want %d", step.name, got, step.want)
		}
	}
}

// A target may be a DSN.
func TestTargetIsShownNowhere(t *testing.T) {
	const secret = "postgres://u:hunter2@db/x"
	r := newTestRunner(t, RunnerOptions{})
	bad := Spec{Name: "db", Target: secret, Interval: -1, Component: "x y"}
	if err := r.Register(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Register: %v, want a fault without the target", err)
	}
	if err := r.Apply([]Spec{bad, bad}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Apply: %v, want a fault without the target", err)
	}
	apply(t, r, Spec{Name: "db", Target: secret, Probe: new(passing)})
	if text := fmt.Sprintf("%+v", r.Checks()); strings.Contains(text, "hunter2") {
		t.Errorf("Checks: %s", text)
	}
}

// An unproven check costs what a proven one does: one goroutine, and no series or outcome for each wait.
func TestTenThousandUnprovenChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const checks = 10_000
		r := newTestRunner(t, RunnerOptions{MaxEntries: 10})
		for i := range checks {
			register(t, r, Spec{Name: fmt.Sprint("check-", i), Interval: time.Hour, Probe: &starter{failures: 4}})
		}
		idle := runtime.NumGoroutine()
		inRun(t, r, func() {
			for _, step := range []time.Duration{3 * time.Second, 5 * time.Second, time.Minute} {
				sleep(step)
				if n := runtime.NumGoroutine() - idle; n > checks+2 {
					t.Errorf("%d goroutines of %d checks", n, checks)
				}
			}
		})
		for name, c := range r.checks {
			if !c.proven || len(c.results.held) < 5 {
				t.Fatalf("%s: proven %v after %d runs", name, c.proven, len(c.results.held))
			}
		}
	})
}
