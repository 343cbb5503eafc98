package evaluator

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chorus/rules"
)

func TestStopping(t *testing.T) {
	var seen []Status
	n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{OnSnapshot: func(s *Snapshot) { seen = append(seen, s.Status) }})
	n.resources(0.5, 0.5, 0.5)
	n.pass(0)
	n.pass(time.Second)
	n.Stopping()
	n.want(n.Snapshot(), Stopping, "Stopping")
	since := n.Snapshot().Since
	n.want(n.pass(time.Second), Stopping, "Stopping")
	if got := n.exposition()[`chorus_health_status{status="stopping"}`]; got != 1 {
		t.Errorf("exposed stopping is %v", got)
	}
	if want := []Status{Starting, Healthy, Stopping, Stopping}; !slices.Equal(seen, want) {
		t.Errorf("snapshots handed out: %v, want %v", seen, want)
	}
	if n.pass(time.Second).Since.Before(since.Add(-time.Minute)) {
		t.Error("since moved back")
	}
}

func TestStalled(t *testing.T) {
	n := newNode(t, rules.Options{}, Options{StallTimeout: time.Minute})
	s := n.pass(0)
	if s.Stalled(s.Finished.Add(59 * time.Second)) {
		t.Error("stalled too early")
	}
	if !s.Stalled(s.Finished.Add(61 * time.Second)) {
		t.Error("not stalled")
	}
}

func TestActions(t *testing.T) {
	var mu sync.Mutex
	var got []Action
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}, Actions: []string{"shutdown"}},
		Options{OnAction: func(_ context.Context, a Action) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a)
		}})
	fail := func(d time.Duration, failures float64) {
		n.now = n.now.Add(d)
		n.probe("db", "true", failures)
		n.pass(0)
		n.acting.Wait()
	}
	n.probe("db", "true", 0)
	n.pass(0)
	for range 10 {
		fail(10*time.Second, 3)
	}
	if len(got) != 1 || got[0].Name != "shutdown" || got[0].Alert.Check != "db" {
		t.Fatalf("a critical check failing for 90 s: actions %+v, want one shutdown", got)
	}
	fail(10*time.Second, 0)
	for range 8 {
		fail(10*time.Second, 3)
	}
	if len(got) != 2 {
		t.Errorf("failing again: %d actions, want a second", len(got))
	}
}

// TestRun drives Run by the bubble's clock: ticks, triggers at once and coalesced, and an end without goroutines.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Duration
		began := time.Now()
		n := newNode(t, rules.Options{}, Options{Interval: 5 * time.Second, OnSnapshot: func(*Snapshot) { times = append(times, time.Since(began)) }})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		time.Sleep(7 * time.Second)
		for range 5 { // a burst of outcomes
			n.Trigger()
		}
		synctest.Wait()
		n.Trigger()
		n.Trigger()
		time.Sleep(4 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		want := []time.Duration{0, ms(50), ms(5000), ms(7000), ms(7050), ms(10000)} // the second: the phase ended
		if !slices.Equal(times, want) {
			t.Errorf("evaluated at %v, want %v", times, want)
		}
	})
}

func TestStormOfOutcomesKeepsTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var evaluations atomic.Int64
		n := newNode(t, rules.Options{}, Options{
			Interval: 5 * time.Second, MaxSeries: 10, OnSnapshot: func(*Snapshot) { evaluations.Add(1) },
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		most, before := 0, int64(0)
		for i := range 4 * 60 * 25 { // four minutes of an outcome every 40 ms
			if i == 3*60*25 {
				before = evaluations.Load()
			}
			n.Trigger()
			time.Sleep(40 * time.Millisecond)
			_, samples := n.engine.Store.Stats()
			most = max(most, samples)
		}
		cancel()
		<-done
		if most < n.budget || most > 2*n.budget {
			t.Errorf("%d samples at most; the storm must reach the bound of %d and stay under twice that", most, n.budget)
		}
		if got := evaluations.Load() - before; got != 12 {
			t.Errorf("%d evaluations in the last minute, want the 12 of the interval", got)
		}
	})
}

func TestGroupIntervalIsHonoured(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: slow
    interval: 30s
    rules:
      - {record: chorus_own_thing, expr: own_metric}
`)
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, rules.Options{Own: []string{own}}, Options{})
		n.set("own_metric", 1)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		time.Sleep(6 * time.Second)
		n.set("own_metric", 2)
		time.Sleep(15 * time.Second)
		if v := n.exposition()[`chorus_own_thing{}`]; v != 1 {
			t.Errorf("before its interval: %v, want the old 1", v)
		}
		n.Trigger()
		synctest.Wait()
		if v := n.exposition()[`chorus_own_thing{}`]; v != 2 {
			t.Errorf("driven by an outcome: %v, want 2", v)
		}
		n.set("own_metric", 3)
		time.Sleep(35 * time.Second)
		if v := n.exposition()[`chorus_own_thing{}`]; v != 3 {
			t.Errorf("after its interval: %v, want 3", v)
		}
		cancel()
		<-done
	})
}
