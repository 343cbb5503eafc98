package probes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestFirstRunComesSoonThenThePhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{NodeID: "node"})
		const checks = 20
		began := time.Now()
		for i := range checks / 2 { // before Run
			register(t, r, Spec{Name: fmt.Sprint("early-", i), Probe: new(passing)})
		}
		inRun(t, r, func() {
			for i := range checks / 2 { // while running
				register(t, r, Spec{Name: fmt.Sprint("late-", i), Probe: new(passing)})
			}
			sleep(10 * time.Minute)
		})
		firsts := make(map[time.Time]bool)
		for _, s := range r.Checks() {
			all := outcomes(r, s.Name)
			first := all[len(all)-1].Started
			firsts[first] = true
			if first.Sub(began) > 3*time.Second {
				t.Errorf("%s: first run after %v, want it within 3 s", s.Name, first.Sub(began))
			}
			for i := range len(all) - 2 {
				if gap := all[i].Started.Sub(all[i+1].Started); gap != DefaultInterval {
					t.Errorf("%s: run %d came %v after the one before, want %v", s.Name, i, gap, DefaultInterval)
				}
			}
			if got := len(all); got < 20 || got > 22 {
				t.Errorf("%s: %d runs in 10 minutes, want 20 and the first", s.Name, got)
			}
		}
		if len(firsts) < checks/2 {
			t.Errorf("first runs of %d checks fall on %d moments, want them spread", checks, len(firsts))
		}
	})
}

func TestPhaseSurvivesARestart(t *testing.T) {
	phase := func(node string, wait time.Duration) (at time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(wait)
			r := newTestRunner(t, RunnerOptions{NodeID: node})
			register(t, r, Spec{Name: "db", Interval: time.Minute, Probe: new(passing)})
			inRun(t, r, func() { sleep(5 * time.Minute) })
			o, _ := r.Last("db", time.Time{})
			at = time.Duration(o.Started.UnixNano()) % time.Minute
		})
		return at
	}
	if a, b := phase("a", 0), phase("a", 17*time.Second); a != b {
		t.Errorf("the same node runs at %v and after a restart at %v of the minute", a, b)
	}
	if a, b := phase("a", 0), phase("b", 0); a == b {
		t.Errorf("two nodes both run at %v of the minute", a)
	}
}

func TestNoOverlapAndNoDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		var inside, most atomic.Int32
		slow := Func(func(ctx context.Context) (Result, error) {
			most.Store(max(most.Load(), inside.Add(1)))
			defer inside.Add(-1)
			time.Sleep(2500 * time.Millisecond)
			return Result{}, nil
		})
		register(t, r, Spec{Name: "slow", Interval: time.Second, Timeout: time.Minute, Probe: slow})
		register(t, r, Spec{Name: "quick", Interval: time.Second, Probe: new(passing)})
		inRun(t, r, func() { sleep(time.Minute) })
		if most.Load() != 1 {
			t.Errorf("%d runs of one check at once, want 1", most.Load())
		}
		if got := len(outcomes(r, "slow")); got < 19 || got > 21 {
			t.Errorf("slow: %d runs a minute, want one every 3 s", got)
		}
		if got := len(outcomes(r, "quick")); got < 59 || got > 61 {
			t.Errorf("quick: %d runs a minute, want one every second", got)
		}
	})
}

func TestUnregisterWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		var told []Outcome
		r := newTestRunner(t, RunnerOptions{Registerer: registry, OnOutcome: func(o Outcome) { told = append(told, o) }})
		cancelled := false
		waits := Func(func(ctx context.Context) (Result, error) {
			<-ctx.Done()
			cancelled = true
			return Result{}, ctx.Err()
		})
		register(t, r, Spec{Name: "waits", Interval: time.Minute, Timeout: 50 * time.Second, Probe: waits})
		inRun(t, r, func() {
			sleep(5 * time.Second)
			r.Unregister("waits")
			r.Unregister("unknown")
			synctest.Wait()
			if !cancelled {
				t.Error("the run goes on after Unregister, want it cancelled")
			}
			if families, err := registry.Gather(); err != nil || len(families) != 0 {
				t.Errorf("Gather after Unregister: %v, %v, want nothing", families, err)
			}
			sleep(time.Hour)
		})
		if len(told) != 0 || len(outcomes(r, "waits")) != 0 || len(r.Checks()) != 0 {
			t.Errorf("told %v, kept %v, checks %v, want no trace", told, outcomes(r, "waits"), r.Checks())
		}
	})
}

func TestShutdownLeavesNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{OnOutcome: func(o Outcome) { t.Errorf("told of %v", o) }})
		register(t, r, Spec{Name: "db", Timeout: time.Minute, Probe: Func(func(ctx context.Context) (Result, error) {
			<-ctx.Done()
			time.Sleep(100 * time.Millisecond) // cooperative, not instant: Run waits for it
			return Result{}, ctx.Err()
		})})
		inRun(t, r, func() { sleep(5 * time.Second) })
		if all := outcomes(r, "db"); len(all) != 0 {
			t.Errorf("outcomes of a run that shutdown cancelled: %v", all)
		}
	})
}

func TestRunTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		register(t, r, Spec{Name: "db", Probe: new(passing)})
		inRun(t, r, func() {
			if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "already running") {
				t.Errorf("second Run: %v, want it refused", err)
			}
			sleep(5 * time.Second)
		})
		before := len(outcomes(r, "db"))
		sleep(time.Hour)
		if got := len(outcomes(r, "db")); got != before {
			t.Errorf("%d runs after Run ended", got-before)
		}
		inRun(t, r, func() { sleep(5 * time.Second) })
		if got := len(outcomes(r, "db")); got <= before {
			t.Error("no run in a second Run after the first")
		}
	})
}

func TestOnOutcomeTellsOfFailuresAndChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		var told []string
		var r *Runner
		r = newTestRunner(t, RunnerOptions{Registerer: registry, OnOutcome: func(o Outcome) {
			told = append(told, fmt.Sprintf("%v/%d", o.Healthy(), o.ConsecutiveFailures))
			if _, err := registry.Gather(); err != nil { // would hang if a lock were held
				t.Error(err)
			}
			if last, ok := r.Last("db", time.Time{}); !ok || last.Finished != o.Finished {
				t.Errorf("Last within OnOutcome: %v, want the outcome told of", last)
			}
		}})
		results := []error{nil, nil, errors.New("down"), errors.New("down"), nil, nil}
		n := 0
		register(t, r, Spec{Name: "db", Interval: time.Minute, Probe: Func(func(context.Context) (Result, error) {
			err := results[min(n, len(results)-1)]
			n++
			return Result{}, err
		})})
		inRun(t, r, func() { sleep(10 * time.Minute) })
		if got, want := fmt.Sprint(told), "[true/0 false/1 false/2 true/0]"; got != want {
			t.Errorf("told of %s, want %s", got, want)
		}
	})
}

// After a pause somebody waits for the next result, whatever it is.
func TestOnOutcomeTellsOfALateRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		r := newTestRunner(t, RunnerOptions{OnOutcome: func(Outcome) { told++ }})
		register(t, r, Spec{Name: "db", Interval: time.Minute, Timeout: 10 * time.Second, Probe: &passing{}})
		for i := range 2 {
			inRun(t, r, func() { sleep(5 * time.Minute) })
			if told != i+1 {
				t.Errorf("told %d times after %d runs of the runner, want once for each", told, i+1)
			}
			sleep(time.Hour)
		}
	})
}

func TestRegisterRefuses(t *testing.T) {
	r := newTestRunner(t, RunnerOptions{})
	register(t, r, Spec{Name: "taken", Disabled: true})
	for name, c := range map[string]struct {
		spec Spec
		want string
	}{
		"taken name":         {Spec{Name: "taken", Probe: new(passing)}, "the name is taken"},
		"no name":            {Spec{Probe: new(passing)}, "name: use 1 to 128"},
		"name with a slash":  {Spec{Name: "a/b", Probe: new(passing)}, "name: use 1 to 128"},
		"component":          {Spec{Name: "a", Component: "x y", Probe: new(passing)}, `component "x y"`},
		"no probe":           {Spec{Name: "a"}, "no probe"},
		"negative interval":  {Spec{Name: "a", Interval: -1, Probe: new(passing)}, "interval -1ns"},
		"endless timeout":    {Spec{Name: "a", Timeout: 1 << 62, Probe: new(passing)}, "timeout"},
		"negative threshold": {Spec{Name: "a", FailureThreshold: -1, Probe: new(passing)}, "failure threshold -1"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.Register(c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Register: %v, want %q in it", err, c.want)
			}
		})
	}
	if got := len(r.Checks()); got != 1 {
		t.Errorf("%d checks, want only the first", got)
	}
}

func TestNewRunnerRefuses(t *testing.T) {
	if _, err := NewRunner(RunnerOptions{MaxEntries: -1}); err == nil {
		t.Error("MaxEntries -1 is accepted")
	}
	if _, err := NewRunner(RunnerOptions{CleanupInterval: -1}); err == nil {
		t.Error("CleanupInterval -1 is accepted")
	}
	registry := prometheus.NewRegistry()
	newTestRunner(t, RunnerOptions{Registerer: registry})
	if _, err := NewRunner(RunnerOptions{Registerer: registry}); err == nil {
		t.Error("a second Runner on one registry is accepted")
	}
}
