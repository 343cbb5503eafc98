package probes

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRunner(t, RunnerOptions{MaxEntries: 5})
		var n atomic.Int32
		register(t, r, Spec{Name: "db", Interval: time.Second, Probe: Func(func(context.Context) (Result, error) {
			return Result{Message: fmt.Sprint(n.Add(1))}, nil
		})})
		inRun(t, r, func() {
			for n.Load() < 3 {
				sleep(100 * time.Millisecond)
			}
			if got := messages(r); got != "[3 2 1]" {
				t.Errorf("history of three runs: %s", got)
			}
			for n.Load() < 12 {
				sleep(100 * time.Millisecond)
			}
			if got := messages(r); got != "[12 11 10 9 8]" {
				t.Errorf("history of twelve runs: %s, want the newest five", got)
			}
			for o := range r.Results("db") { // stops early, and lets newer outcomes take the place of those to come
				if o.Result.Message == "11" {
					break
				}
				sleep(10 * time.Second)
			}
		})
		for range r.Results("unknown") {
			t.Error("an unknown check has results")
		}
	})
}

func messages(r *Runner) string {
	var all []string
	for _, o := range outcomes(r, "db") {
		all = append(all, o.Result.Message)
	}
	return fmt.Sprint(all)
}

func TestLast(t *testing.T) {
	var r *Runner
	synctest.Test(t, func(t *testing.T) {
		r = newTestRunner(t, RunnerOptions{MaxEntries: 3})
		register(t, r, Spec{Name: "db", Interval: time.Minute, Probe: new(passing)})
		if _, ok := r.Last("db", time.Time{}); ok {
			t.Error("an outcome before the first run")
		}
		inRun(t, r, func() { sleep(10 * time.Minute) })
	})
	all := outcomes(r, "db")
	for name, c := range map[string]struct {
		check    string
		notAfter time.Time
		want     int // index into all; -1: none
	}{
		"newest":              {"db", time.Time{}, 0},
		"at its end":          {"db", all[0].Finished, 0},
		"just before its end": {"db", all[0].Finished.Add(-1), 1},
		"between two":         {"db", all[1].Finished.Add(time.Second), 1},
		"by the wall clock":   {"db", all[2].Finished.Round(0).UTC(), 2},
		"older than all kept": {"db", all[2].Finished.Add(-1), -1},
		"unknown check":       {"unknown", time.Time{}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			o, ok := r.Last(c.check, c.notAfter)
			if ok != (c.want >= 0) || ok && o.Finished != all[c.want].Finished {
				t.Errorf("Last = %v, %v, want number %d of %d", o.Finished, ok, c.want, len(all))
			}
		})
	}
	if n := testing.AllocsPerRun(100, func() { r.Last("db", all[1].Finished) }); n != 0 {
		t.Errorf("Last allocates %v times", n)
	}
}
