package shutdown

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{OnStopping: func(r Request) {
			if r.Cause != CauseSignal || r.Time.IsZero() {
				t.Errorf("OnStopping got %+v", r)
			}
		}})
		f.register(
			Component{Name: "report", Phase: PostShutdown},
			Component{Name: "last", Priority: -1, Stop: f.work("last", time.Second)},
			Component{Name: "default", Stop: f.work("default", time.Second)},
			Component{Name: "first", Priority: 10, Stop: f.work("first", time.Second)},
			Component{Name: "announce", Phase: PreShutdown, Stop: f.work("announce", 2*time.Second)},
		)
		f.stop(CauseSignal)
		f.wantStory("0s = draining", "5s = pre-shutdown", "5s announce", "7s = shutdown", "7s first", "8s default", "9s last",
			"10s = post-shutdown", "10s report", "10s = stopped")
		f.wantResults("announce done 2s", "first done 1s", "default done 1s", "last done 1s", "report done 0s")
	})
}

func TestEqualPrioritiesRunTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{DrainDelay: -1})
		f.register(
			Component{Name: "c", Priority: 1, Stop: f.work("c", 3*time.Second)},
			Component{Name: "a", Priority: 1, Stop: f.work("a", 2*time.Second)},
			Component{Name: "z", Stop: f.work("z", time.Second)},
		)
		f.stop(CauseProgram)
		f.wantResults("a done 2s", "c done 3s", "z done 1s")
		if took := time.Since(f.began); took != 4*time.Second {
			t.Errorf("all took %v, want 4s", took)
		}
	})
}

// What one component does wrong is recorded and keeps no other from its turn.
func TestBadComponents(t *testing.T) {
	tests := map[string]struct {
		component Component
		result    Result
		took      time.Duration
		text      string
	}{
		"fails": {
			Component{Stop: func(context.Context) error { return errors.New("disk full") }}, ResultFailed, 0, "disk full",
		},
		"hangs until its bound": {
			Component{Timeout: 3 * time.Second, Stop: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			ResultTimeout, 3 * time.Second, "outlasted its bound of 3s: context deadline exceeded",
		},
		"returns late in its grace": {
			Component{Timeout: 3 * time.Second, Stop: func(context.Context) error {
				time.Sleep(3100 * time.Millisecond)
				return errors.New("half done")
			}},
			ResultTimeout, 3100 * time.Millisecond, "outlasted its bound of 3s: half done",
		},
		"succeeds in its grace": {
			Component{Timeout: 3 * time.Second, Stop: hang(3100 * time.Millisecond)}, ResultDone, 3100 * time.Millisecond, "",
		},
		"gives up by itself": {
			Component{Stop: func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				<-ctx.Done()
				return ctx.Err()
			}},
			ResultTimeout, time.Second, "context deadline exceeded",
		},
		"ignores its context": {
			Component{Timeout: 3 * time.Second, Stop: hang(time.Hour)},
			ResultAbandoned, 3500 * time.Millisecond,
			"gave up on it, it ignores its context: context deadline exceeded",
		},
		"panics":                  {Component{Stop: func(context.Context) error { panic("boom") }}, ResultPanicked, 0, "panic: boom"},
		"ends its goroutine":      {Component{Stop: func(context.Context) error { runtime.Goexit(); return nil }}, ResultPanicked, 0, "it ended its goroutine"},
		"says far too much":       {Component{Stop: func(context.Context) error { return errors.New(strings.Repeat("x", 1<<20)) }}, ResultFailed, 0, "x…"},
		"says what is not a text": {Component{Stop: func(context.Context) error { return errors.New("\xff?") }}, ResultFailed, 0, "??"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, Options{})
				tt.component.Name, tt.component.Priority = "bad", 1
				f.register(tt.component, Component{Name: "other"}, Component{Name: "post", Phase: PostShutdown})
				f.stop(CauseSignal)
				s := f.step("bad")
				if s.Result != tt.result || s.Took != tt.took || !strings.HasSuffix(s.Error, tt.text) || (tt.text == "") != (s.Error == "") {
					t.Errorf("%s after %v: %.100s; want %s after %v: %s", s.Result, s.Took, s.Error, tt.result, tt.took, tt.text)
				}
				if len(s.Error) > maxErrorBytes {
					t.Errorf("an error of %d bytes is kept", len(s.Error))
				}
				f.wantResults(f.results()[0], "other done 0s", "post done 0s")
				time.Sleep(2 * time.Hour) // what returns late ends then, or the bubble says that it is deadlocked
			})
		})
	}
}

// However components hang, all is over at the deadline, and every wave has had its turn.
func TestWholeStaysWithinItsBound(t *testing.T) {
	waves := func(n int, own time.Duration) (all []Component) {
		for i := range n {
			all = append(all, Component{Name: string(rune('a' + i)), Priority: -i, Timeout: own, Stop: hang(time.Hour)})
		}
		return all
	}
	tests := map[string]struct {
		options    Options
		components []Component
		took       []time.Duration // each with its grace
	}{
		"one":         {Options{}, waves(1, 0), []time.Duration{25 * time.Second}},
		"two":         {Options{}, waves(2, 0), []time.Duration{18750 * time.Millisecond, 6250 * time.Millisecond}},
		"no drain":    {Options{DrainDelay: -1}, waves(2, 0), []time.Duration{22500 * time.Millisecond, 7500 * time.Millisecond}},
		"own too big": {Options{}, waves(2, time.Hour), []time.Duration{18750 * time.Millisecond, 6250 * time.Millisecond}},
		"own small":   {Options{}, waves(3, time.Second), slices.Repeat([]time.Duration{1500 * time.Millisecond}, 3)},
		"later ones need little": {
			Options{},
			append(waves(1, 0), Component{Name: "post", Phase: PostShutdown, Timeout: time.Second, Stop: hang(time.Hour)}),
			[]time.Duration{23500 * time.Millisecond, 1500 * time.Millisecond},
		},
		"short": {
			Options{DrainDelay: -1, Timeout: 10 * time.Millisecond},
			waves(2, 0),
			[]time.Duration{7500 * time.Microsecond, 2500 * time.Microsecond},
		},
		"many": {
			Options{}, waves(25, 0), append([]time.Duration{13 * time.Second}, slices.Repeat([]time.Duration{500 * time.Millisecond}, 24)...),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, tt.options)
				f.register(tt.components...)
				f.stop(CauseSignal)
				s := f.State()
				if late := time.Since(s.Deadline); late > 0 {
					t.Errorf("over %v after the deadline", late)
				}
				for i, step := range s.Steps {
					if step.Result != ResultAbandoned || step.Took != tt.took[i] {
						t.Errorf("%s %s after %v, want abandoned after %v", step.Name, step.Result, step.Took, tt.took[i])
					}
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A reserve is a part of what all waves have together: it does not grow because one has ended early.
func TestReserveAfterAnEarlyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{DrainDelay: -1, Timeout: 24 * time.Second})
		f.register(
			Component{Name: "a", Priority: 2, Stop: f.work("a", time.Second)},
			Component{Name: "b", Priority: 1, Stop: f.work("b", time.Hour)},
			Component{Name: "c", Stop: f.work("c", time.Hour)},
		)
		f.stop(CauseSignal)
		f.wantResults("a done 1s", "b timeout 18.5s", "c timeout 4s")
	})
}

// A process that was paused past its deadline still gives every wave a moment.
func TestPausePastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{OnStopping: func(Request) { time.Sleep(time.Minute) }})
		f.register(
			Component{Name: "a", Stop: f.work("a", time.Hour)},
			Component{Name: "b", Phase: PostShutdown, Stop: f.work("b", 50*time.Millisecond)},
		)
		f.stop(CauseSignal)
		f.wantResults("a timeout 100ms", "b done 50ms")
	})
}

// Contexts end when documented: at the smaller of the own bound and what the others leave.
func TestContextOfAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		ends := make(map[string]time.Duration)
		note := func(name string) func(context.Context) error {
			return func(ctx context.Context) error {
				deadline, _ := ctx.Deadline()
				ends[name] = time.Until(deadline)
				return nil
			}
		}
		f.register(
			Component{Name: "own", Priority: 1, Timeout: 2 * time.Second, Stop: note("own")},
			Component{Name: "rest", Stop: note("rest")},
		)
		f.stop(CauseSignal)
		if ends["own"] != 2*time.Second || ends["rest"] != 24500*time.Millisecond {
			t.Errorf("contexts of %v, want 2s and what is left of 25s less the grace of 500ms", ends)
		}
	})
}

func TestCtxEndsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			after   time.Duration
			over    time.Duration
			results []string
		}{
			{0, 0, []string{"a skipped 0s", "b skipped 0s", "c skipped 0s"}},
			{3 * time.Second, 3 * time.Second, []string{"a skipped 0s", "b skipped 0s", "c skipped 0s"}},
			{6 * time.Second, 6500 * time.Millisecond, []string{"a failed 1s", "b abandoned 1.5s", "c skipped 0s"}},
		} {
			f := newFixture(t, Options{})
			f.register(
				Component{Name: "a", Stop: f.work("a", time.Minute)},
				Component{Name: "b", Stop: hang(time.Hour)},
				Component{Name: "c", Phase: PostShutdown},
			)
			ctx, cancel := context.WithCancel(t.Context())
			if tt.after == 0 {
				cancel()
			}
			f.Request(Request{})
			time.AfterFunc(tt.after, cancel)
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
			<-f.Done()
			if got := time.Since(f.began); got != tt.over || f.State().Name != StageStopped {
				t.Errorf("cut after %v, %s after %v, want stopped after %v", tt.after, f.State().Name, got, tt.over)
			}
			f.wantResults(tt.results...)
			if c := f.step("c"); c.Error != "the stop was cut short: context canceled" {
				t.Errorf("skipped because %q", c.Error)
			}
			time.Sleep(2 * time.Hour)
		}
	})
}

func TestRunWithoutARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		synctest.Wait()
		if err := f.Run(ctx); err == nil || err.Error() != "run shutdown manager: already running" {
			t.Errorf("a second Run beside the first: %v", err)
		}
		cancel()
		if err := <-ended; err != nil || f.State().Name != StageRunning {
			t.Errorf("%v, %s; want nil, running", err, f.State().Name)
		}
		f.stop(CauseSignal) // Run may be called again
		if err := f.Run(t.Context()); err != nil {
			t.Errorf("Run after the end: %v", err)
		}
		f.wantStory("0s = draining", "5s = pre-shutdown", "5s = shutdown", "5s = post-shutdown", "5s = stopped")
	})
}
