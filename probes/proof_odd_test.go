package probes

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A check whose runs take longer than its interval is never run twice at once, and every end is followed by a run.
func TestTriesLongerThanTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		probe := &starter{failures: 1 << 30, takes: 10 * time.Second}
		register(t, r, Spec{Name: "db", Interval: time.Second, Timeout: time.Minute, Probe: probe})
		inRun(t, r, func() { sleep(10 * time.Minute) })
		for _, pause := range pauses(outcomes(r, "db")) {
			if pause < 0 || pause > time.Second {
				t.Errorf("%v between two runs", pause)
			}
		}
		if tries := probe.tries.Load(); tries != 1 {
			t.Errorf("%d tries, want the first run alone: then the schedule has begun", tries)
		}
	})
}

// The longest interval overflows nothing: tries come at longer and longer pauses.
func TestTriesOfTheLongestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{})
		probe := &starter{failures: 1 << 30}
		register(t, r, Spec{Name: "db", Interval: longest, Probe: probe})
		inRun(t, r, func() { sleep(3 * longest) })
		const second = time.Second
		want := second
		for i, pause := range pauses(outcomes(r, "db")) {
			if i < 24 && pause != want { // 2^24 s are 194 days
				t.Errorf("pause %d is %v, want %v", i, pause, want)
			}
			want *= 2
		}
		if runs := probe.runs.Load(); runs < 26 || runs > 29 {
			t.Errorf("%d runs in three years, want 25 tries and the schedule", runs)
		}
	})
}

// A run of the old target that hangs neither proves the new one nor lets a second run start.
func TestHungRunOfAnotherTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		old, fresh := newDeaf(), new(count)
		s := Spec{Name: "db", Interval: time.Hour, Timeout: 10 * time.Second, Target: "a", Probe: old}
		apply(t, r, s)
		inRun(t, r, func() {
			sleep(5 * time.Second)
			for _, target := range []string{"b", "a", "c"} { // there and back: the proof of none
				s.Target, s.Probe = target, fresh
				apply(t, r, s)
			}
			sleep(time.Minute)
			gathered(t, registry, "chorus_health_check_proven", 0)
			if fresh.runs.Load() != 0 {
				t.Error("a run began beside the one that hangs")
			}
			close(old.let) // it passes, late
			synctest.Wait()
			gathered(t, registry, "chorus_health_check_proven", 0)
			sleep(time.Second)
			gathered(t, registry, "chorus_health_check_proven", 1)
			if fresh.runs.Load() != 1 {
				t.Errorf("%d runs of the new target, want 1 a second after the other returned", fresh.runs.Load())
			}
		})
	})
}

// A pass that comes later than the timeout is a failure and no proof.
func TestLatePassIsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		register(t, r, Spec{Name: "db", Interval: time.Hour, Timeout: time.Second, Probe: Func(func(ctx context.Context) (Result, error) {
			<-ctx.Done()
			time.Sleep(grace / 2)
			return Result{}, nil
		})})
		inRun(t, r, func() { sleep(time.Minute) })
		gathered(t, registry, "chorus_health_check_proven", 0)
	})
}

// The callbacks may change the checks, that of the caller included.
func TestChangesFromCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		var r *Runner
		s := Spec{Name: "db", Interval: time.Hour, Target: "a", Probe: &count{err: errors.New("down")}}
		r = newTestRunner(t, RunnerOptions{
			Registerer: registry,
			OnOutcome: func(o Outcome) {
				if !o.Healthy() {
					s.Target, s.Probe = "b", new(passing)
					apply(t, r, s)
				}
			},
			OnChange: func() { r.Unregister("nobody") },
		})
		apply(t, r, s)
		inRun(t, r, func() { sleep(10 * time.Second) })
		gathered(t, registry, "chorus_health_check_proven", 1)
		gathered(t, registry, "chorus_health_checks_failed_total", 0)
	})
}
