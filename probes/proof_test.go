package probes

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// starter fails until it has failed the given number of times.
type starter struct {
	failures int
	takes    time.Duration
	runs     atomic.Int32
	tries    atomic.Int32 // runs whose context said Starting
}

func (s *starter) Probe(ctx context.Context) (Result, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	if Starting(ctx) {
		s.tries.Add(1)
	}
	if s.runs.Add(1) <= int32(s.failures) {
		return Result{}, errors.New("down")
	}
	return Result{}, nil
}

// pauses lists the time between the end of a run and the start of the next, oldest first.
func pauses(all []Outcome) (out []time.Duration) {
	slices.Reverse(all)
	for i := range len(all) - 1 {
		out = append(out, all[i+1].Started.Sub(all[i].Finished))
	}
	return out
}

func TestTriesStartAfter1s2s4s(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		interval, takes time.Duration
		failures        int
		want            []time.Duration
	}{
		"at once":    {interval: 2 * time.Minute, failures: 6, want: []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s}},
		"slow runs":  {interval: 5 * time.Minute, takes: 9 * s, failures: 4, want: []time.Duration{s, 2 * s, 4 * s, 8 * s}},
		"1h":         {interval: time.Hour, failures: 8, want: []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s}},
		"never more": {interval: 20 * s, failures: 4, want: []time.Duration{s, 2 * s, 4 * s, 8 * s}},
		"passes":     {interval: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTestRunner(t, RunnerOptions{NodeID: "node"})
				probe := &starter{failures: c.failures, takes: c.takes}
				register(t, r, Spec{Name: "db", Interval: c.interval, Probe: probe})
				inRun(t, r, func() {
					for probe.runs.Load() <= int32(c.failures) {
						sleep(100 * time.Millisecond)
					}
				})
				all := outcomes(r, "db")
				if diff := cmp.Diff(c.want, pauses(slices.Clone(all))); diff != "" {
					t.Errorf("pauses (-want +got):\n%s", diff)
				}
				for i, o := range all {
					if failed := i > 0; o.Healthy() == failed || o.Starting != failed {
						t.Errorf("outcome %d: %+v", i, o)
					}
				}
			})
		})
	}
}

// Whatever the phase of its grid: no two runs are further apart than an interval, the schedule begins with the second
// interval, and from there on every point of the grid has its run.
func TestTriesGiveWayToTheSchedule(t *testing.T) {
	for i := range 50 {
		for _, takes := range []time.Duration{0, 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				registry := prometheus.NewPedanticRegistry()
				name, began := fmt.Sprint("check-", i), time.Now()
				const interval = 20 * time.Second
				r := newTestRunner(t, RunnerOptions{Registerer: registry})
				register(t, r, Spec{Name: name, Interval: interval, Probe: &starter{failures: 1 << 30, takes: takes}})
				inRun(t, r, func() { sleep(5 * time.Minute) })
				all := outcomes(r, name)
				slices.Reverse(all)
				scheduled, last := 0, began
				for i, o := range all {
					if gap := o.Started.Sub(last); gap > interval {
						t.Errorf("%s: run %d starts %v after the one before", name, i, gap)
					}
					last = o.Finished
					if o.Starting {
						continue
					}
					scheduled++
					if age := o.Started.Sub(began); scheduled == 1 && (age < interval || age > 2*interval+takes) {
						t.Errorf("%s: the schedule begins after %v, want it within the second interval", name, age)
					}
					if o.ConsecutiveFailures != scheduled {
						t.Errorf("%s: %d failures in a row after %d scheduled runs", name, o.ConsecutiveFailures, scheduled)
					}
				}
				if scheduled < 13 || scheduled > 14 {
					t.Errorf("%s: %d scheduled runs in 5 minutes, want one every 20 s but for the first", name, scheduled)
				}
				gathered(t, registry, "chorus_health_checks_failed_total", float64(scheduled))
				if timed := families(t, registry)["check_duration_seconds"]; timed != float64(scheduled) {
					t.Errorf("%s: %v durations of %d scheduled runs", name, timed, scheduled)
				}
			})
		}
	}
}

// A check of a short interval runs by its grid: tries neither hold it up nor add to it.
func TestTriesOfAShortInterval(t *testing.T) {
	for _, interval := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTestRunner(t, RunnerOptions{MaxEntries: 10000})
				probe := &starter{failures: 1 << 30}
				register(t, r, Spec{Name: "db", Interval: interval, Timeout: interval, Probe: probe})
				inRun(t, r, func() { sleep(100 * interval) })
				if runs := probe.runs.Load(); runs < 99 || runs > 101 {
					t.Errorf("%d runs in 100 intervals", runs)
				}
				if tries := probe.tries.Load(); tries < 1 || tries > 3 {
					t.Errorf("%d of them were tries, want those of the first interval", tries)
				}
			})
		})
	}
}

// families maps each series of the check to its value, histograms to their number of observations.
func families(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	all, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range all {
		short := strings.TrimPrefix(f.GetName(), "chorus_health_")
		for _, m := range f.Metric {
			out[short] += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

// A start in which the target comes up within the first interval leaves no trace in what rules read as runs per interval.
func TestTriesPoisonNoCounter(t *testing.T) {
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			registry := prometheus.NewPedanticRegistry()
			r := newTestRunner(t, RunnerOptions{Registerer: registry})
			name := fmt.Sprint("check-", i)
			register(t, r, Spec{Name: name, Interval: 2 * time.Minute, Probe: &starter{failures: 5, takes: time.Second}})
			compare := func(when string, want map[string]float64) {
				t.Helper()
				got := families(t, registry)
				for key, value := range want {
					if got[key] != value {
						t.Errorf("%s, %s: %s = %v, want %v", name, when, key, got[key], value)
					}
				}
				run, ran := got["check_last_run_timestamp_seconds"]
				if age := float64(time.Now().Unix()) - run; ran && age > 2*120+10 {
					t.Errorf("%s, %s: the last run is %v s old: stale", name, when, age)
				}
			}
			compare("before", map[string]float64{"check_proven": 0, "checks_passed_total": 0, "check_errors_total": 0})
			inRun(t, r, func() {
				sleep(10 * time.Second)
				compare("while it fails", map[string]float64{
					"check_proven": 0, "check_healthy": 0, "check_consecutive_failures": 1, "check_errors_total": 3,
					"checks_failed_total": 0, "checks_passed_total": 0, "check_duration_seconds": 0,
				})
				sleep(30 * time.Second)
				compare("after the first pass", map[string]float64{
					"check_proven": 1, "check_healthy": 1, "check_consecutive_failures": 0, "check_errors_total": 5,
					"checks_failed_total": 0,
				})
				// The try that passed, and maybe the first run by the grid.
				got := families(t, registry)
				if passed, timed := got["checks_passed_total"], got["check_duration_seconds"]; passed < 1 || timed != passed {
					t.Errorf("%s: %v passed, %v timed", name, passed, timed)
				}
				sleep(10 * time.Minute)
				compare("later", map[string]float64{"check_proven": 1, "checks_failed_total": 0, "check_errors_total": 5})
				if passed := families(t, registry)["checks_passed_total"]; passed < 6 || passed > 7 {
					t.Errorf("%s: %v passed in 10m40s, want one every 2m and the first", name, passed)
				}
			})
		})
	}
}

// A proven check keeps its proof while it flips, and is never tried again.
func TestAProvenCheckThatFlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		probe := new(count)
		register(t, r, Spec{Name: "db", Interval: time.Minute, Probe: probe})
		inRun(t, r, func() {
			sleep(3 * time.Second)
			for range 5 {
				probe.set(errors.New("down"))
				before := probe.runs.Load()
				sleep(time.Minute)
				if probe.runs.Load() != before+1 {
					t.Errorf("%d runs a minute of a proven check that fails, want 1", probe.runs.Load()-before)
				}
				gathered(t, registry, "chorus_health_check_proven", 1)
				gathered(t, registry, "chorus_health_check_consecutive_failures", 1)
				probe.set(nil)
				sleep(time.Minute)
			}
		})
		for _, o := range outcomes(r, "db") {
			if o.Starting {
				t.Errorf("a try of a proven check: %+v", o)
			}
		}
		gathered(t, registry, "chorus_health_checks_failed_total", 5)
	})
}

// A run that hangs is the only one: tries go on when it has returned.
func TestNoTryBesideARunThatIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		probe := newDeaf()
		hangs := Func(func(ctx context.Context) (Result, error) {
			_, _ = probe.Probe(ctx)
			return Result{}, errors.New("down")
		})
		register(t, r, Spec{Name: "db", Interval: time.Hour, Timeout: time.Second, Probe: hangs})
		inRun(t, r, func() {
			sleep(10 * time.Minute)
			if calls := probe.calls.Load(); calls != 1 {
				t.Errorf("%d runs began while one was out", calls)
			}
			if all := outcomes(r, "db"); len(all) != 1 || !all[0].Starting || all[0].Reason != ReasonTimeout {
				t.Errorf("outcomes %+v, want the abandoned try alone", all)
			}
			stuck(t, registry, "1")
			close(probe.let)
			returned := time.Now()
			sleep(time.Minute)
			stuck(t, registry, "0")
			var got []time.Duration
			for _, o := range slices.Backward(outcomes(r, "db")) {
				got = append(got, o.Started.Sub(returned))
			}
			want := []time.Duration{time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second}
			if diff := cmp.Diff(want, got[1:]); diff != "" {
				t.Errorf("tries after the return (-want +got):\n%s", diff)
			}
		})
	})
}

func TestTriesOfAProbeThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		r := newTestRunner(t, RunnerOptions{Registerer: registry})
		n := 0
		register(t, r, Spec{Name: "db", Interval: time.Hour, Probe: Func(func(context.Context) (Result, error) {
			switch n++; n {
			case 1:
				panic("oh no")
			case 2:
				runtime.Goexit()
			}
			return Result{}, nil
		})})
		inRun(t, r, func() { sleep(10 * time.Second) })
		all := outcomes(r, "db")
		if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second}, pauses(slices.Clone(all))); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		if len(all) != 3 || all[1].Reason != ReasonPanic || !all[1].Starting || !all[0].Healthy() {
			t.Errorf("outcomes %+v, want two panics and a pass", all)
		}
		gathered(t, registry, "chorus_health_check_proven", 1)
	})
}

// Every try that fails and the one that passes is told of, so that the verdict follows at once.
func TestOnOutcomeTellsOfTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := newTestRunner(t, RunnerOptions{OnOutcome: func(o Outcome) {
			told = append(told, fmt.Sprintf("%v/%v/%d", o.Healthy(), o.Starting, o.ConsecutiveFailures))
		}})
		register(t, r, Spec{Name: "db", Interval: time.Hour, Probe: &starter{failures: 3}})
		inRun(t, r, func() { sleep(time.Minute) })
		want := "[false/true/1 false/true/1 false/true/1 true/false/0]"
		if got := fmt.Sprint(told); got != want {
			t.Errorf("told of %s, want %s", got, want)
		}
	})
}

func TestStartingOutsideARun(t *testing.T) {
	if Starting(t.Context()) {
		t.Error("any context is that of a try")
	}
}
