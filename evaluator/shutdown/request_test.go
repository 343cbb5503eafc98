package shutdown

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheFirstRequestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopping atomic.Int32
		f := newFixture(t, Options{OnStopping: func(Request) { stopping.Add(1) }})
		f.register(Component{Name: "a", Stop: f.work("a", time.Second)})
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				if f.Request(Request{Cause: CauseRule, Check: fmt.Sprint(i)}) {
					won.Add(1)
				}
			})
		}
		all.Wait()
		first := *f.State().Request
		time.AfterFunc(5500*time.Millisecond, func() {
			if f.Request(Request{Cause: CauseSignal}) {
				t.Error("a request while stopping was accepted")
			}
		})
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if f.Request(Request{Cause: CauseSignal}) {
			t.Error("a request after the end was accepted")
		}
		if won.Load() != 1 || stopping.Load() != 1 {
			t.Errorf("%d of 10 requests accepted, OnStopping called %d times, want 1 and 1", won.Load(), stopping.Load())
		}
		if diff := cmp.Diff(first, *f.State().Request); diff != "" {
			t.Errorf("the request has changed:\n%s", diff)
		}
		f.wantStory("0s = draining", "5s = pre-shutdown", "5s = shutdown", "5s a", "6s = post-shutdown", "6s = stopped")
		f.wantMetrics(`chorus_shutdown_requests_total{accepted} 1`, `chorus_shutdown_requests_total{repeated} 11`)
	})
}

func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{OnStopping: func(Request) { t.Error("OnStopping was called") }})
		f.register(Component{Name: "a"})
		f.Observe(Request{Cause: CauseRule, Check: "db"})
		f.Observe(Request{Cause: CauseRule, Check: "dht", Reason: strings.Repeat("x", 5000)})
		time.Sleep(time.Hour)
		s := f.State()
		if s.Name != StageRunning || s.Request != nil || s.Observed == nil || s.Observed.Check != "dht" || len(s.Observed.Reason) > maxReasonBytes {
			t.Errorf("state %+v", s)
		}
		f.wantStory("")
		f.wantMetrics(`chorus_shutdown_requests_total{observed} 2`, `chorus_shutdown_state{running} 1`)
	})
}

// A request before Run turns the state at once; the bound counts from it.
func TestRequestBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		f.register(Component{Name: "a"})
		f.Request(Request{})
		if s := f.State(); s.Name != StageDraining || s.Deadline.Sub(f.began) != DefaultTimeout {
			t.Errorf("%s until %v", s.Name, s.Deadline)
		}
		time.Sleep(3 * time.Second)
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
		f.wantStory("0s = draining", "5s = pre-shutdown", "5s = shutdown", "5s a", "5s = post-shutdown", "5s = stopped")
	})
}

// Nothing begins, and nothing ends, before OnStopping has returned.
func TestOnStoppingComesFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		cutAfter time.Duration
		want     []string
	}{
		"in order":  {time.Hour, []string{"0s OnStopping", "7s = draining", "7s = pre-shutdown", "7s a", "7s = shutdown", "7s = post-shutdown", "7s = stopped"}},
		"cut short": {6 * time.Second, []string{"0s OnStopping", "7s = draining", "7s = stopped"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.cutAfter)
				defer cancel()
				var f *fixture
				f = newFixture(t, Options{OnStopping: func(Request) { f.note("OnStopping"); time.Sleep(7 * time.Second) }})
				f.register(Component{Name: "a", Phase: PreShutdown})
				ended := make(chan error)
				go func() { ended <- f.Run(ctx) }()
				synctest.Wait()
				f.Request(Request{})
				if err := <-ended; err != nil {
					t.Error(err)
				}
				f.wantStory(tt.want...)
			})
		})
	}
}

func TestCallbacksThatPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		m, err := New(Options{
			OnStopping: func(Request) { panic("one") },
			OnChange:   func(State) { panic("two") },
			Logger:     log.NewLogfmtLogger(&logged),
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Request(Request{Cause: CauseRule, Check: "db", Rule: "Gone", Reason: "The database is gone"})
		if err := m.Run(t.Context()); err != nil || m.State().Name != StageStopped {
			t.Errorf("%v, %s", err, m.State().Name)
		}
		for _, want := range []string{`msg="Stopping, asked by a rule: The database is gone"`, "check=db rule=Gone", "Callback OnStopping panicked", "Callback OnChange panicked"} {
			if !strings.Contains(logged.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, logged.String())
			}
		}
	})
}

// OnChange may call everything, and sees every change in order.
func TestOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *Manager
		var seen []string
		m, err := New(Options{OnChange: func(s State) {
			text := string(s.Name)
			for _, step := range s.Steps {
				text += " " + string(step.Result)
			}
			seen = append(seen, text)
			m.Observe(Request{})
			m.Unregister("nobody")
			_ = m.State()
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			if err := m.Register(Component{Name: name, Stop: hang(time.Duration(name[0]))}); err != nil {
				t.Fatal(err)
			}
		}
		m.Request(Request{})
		if err := m.Run(t.Context()); err != nil {
			t.Error(err)
		}
		want := []string{
			"draining waiting waiting", "pre-shutdown waiting waiting", "shutdown waiting waiting", "shutdown running running",
			"shutdown done running", "shutdown done done", "post-shutdown done done", "stopped done done",
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

func TestStateAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock begins at midnight, 2000-01-01
		f := newFixture(t, Options{})
		f.register(Component{Name: "a", Phase: PreShutdown, Priority: 2, Timeout: time.Second, Stop: hang(time.Hour)}, Component{Name: "b"})
		want := func(want string) {
			t.Helper()
			got, err := json.Marshal(f.State())
			if err != nil || string(got) != want {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
			}
		}
		want(`{"name":"running","since":"2000-01-01T00:00:00Z","steps":[` +
			`{"name":"a","phase":"pre-shutdown","priority":2,"result":"waiting"},{"name":"b","phase":"shutdown","priority":0,"result":"waiting"}]}`)
		f.Observe(Request{Cause: CauseRule})
		east := time.FixedZone("east", 3600)
		f.Request(Request{Cause: CauseRule, Reason: "Why", Check: "db", Rule: "R", Time: time.Date(2000, 1, 1, 0, 59, 59, 5e8, east)})
		want(`{"name":"draining","since":"2000-01-01T00:00:00Z",` +
			`"request":{"cause":"rule","reason":"Why","check":"db","rule":"R","time":"1999-12-31T23:59:59.5Z"},` +
			`"deadline":"2000-01-01T00:00:30Z","observed":{"cause":"rule","time":"2000-01-01T00:00:00Z"},"steps":[` +
			`{"name":"a","phase":"pre-shutdown","priority":2,"result":"waiting"},{"name":"b","phase":"shutdown","priority":0,"result":"waiting"}]}`)
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
		want(`{"name":"stopped","since":"2000-01-01T00:00:06.5Z",` +
			`"request":{"cause":"rule","reason":"Why","check":"db","rule":"R","time":"1999-12-31T23:59:59.5Z"},` +
			`"deadline":"2000-01-01T00:00:30Z","observed":{"cause":"rule","time":"2000-01-01T00:00:00Z"},"steps":[` +
			`{"name":"a","phase":"pre-shutdown","priority":2,"result":"abandoned",` +
			`"error":"gave up on it, it ignores its context: context deadline exceeded","took":1500000000},` +
			`{"name":"b","phase":"shutdown","priority":0,"result":"done"}]}`)
		time.Sleep(2 * time.Hour)
	})
}

func TestFaultsOfOptions(t *testing.T) {
	const want = "new shutdown manager: drain delay 5s must not be negative and must be shorter than timeout 5s, which includes it"
	if _, err := New(Options{Timeout: 5 * time.Second}); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	f := newFixture(t, Options{})
	if _, err := New(Options{Registerer: f.registry}); err == nil || !strings.HasPrefix(err.Error(), "register metrics of the shutdown manager: ") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkState(b *testing.B) {
	m, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20 {
		if err := m.Register(Component{Name: fmt.Sprint(i), Stop: hang(0)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if m.State().Name != StageRunning {
			b.Fatal("not running")
		}
	}
}

func TestStateAllocatesNothing(t *testing.T) {
	f := newFixture(t, Options{})
	f.register(Component{Name: "a"})
	if n := testing.AllocsPerRun(100, func() { _ = f.State() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
