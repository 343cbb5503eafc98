package shutdown

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRegisterLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		late := func(name string, phase Phase, priority int) error {
			return f.Register(Component{Name: name, Phase: phase, Priority: priority, Stop: f.work(name, 0)})
		}
		var refused []string
		during := func(stage string) func(context.Context) error {
			return func(context.Context) error {
				for _, tt := range []struct {
					phase    Phase
					priority int
				}{{PreShutdown, 0}, {Shutdown, 6}, {Shutdown, 5}, {Shutdown, 4}, {PostShutdown, 100}} {
					name := strings.Join([]string{stage, string(tt.phase), string(rune('0' + tt.priority%10))}, "/")
					if err := late(name, tt.phase, tt.priority); err != nil {
						if !errors.Is(err, ErrStopping) {
							t.Error(err)
						}
						refused = append(refused, name)
					}
				}
				return nil
			}
		}
		f.register(Component{Name: "five", Priority: 5, Stop: during("five")}, Component{Name: "one", Priority: 1})
		go func() {
			time.Sleep(time.Second)
			if err := late("in the drain", PreShutdown, 0); err != nil {
				t.Error(err)
			}
		}()
		f.stop(CauseSignal)
		f.wantStory("0s = draining", "5s = pre-shutdown", "5s in the drain", "5s = shutdown", "5s five/shutdown/4", "5s one",
			"5s = post-shutdown", "5s five/post-shutdown/0", "5s = stopped")
		if got := strings.Join(refused, " "); got != "five/pre-shutdown/0 five/shutdown/6 five/shutdown/5" {
			t.Errorf("refused: %s", got)
		}
		const want = `register component "after": the stop has begun, and the turn of phase post-shutdown and priority 0 has passed`
		if err := late("after", PostShutdown, 0); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// As long as no step of a phase has begun, any priority of it is to come.
func TestRegisterWhenAPhaseBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *Manager
		m, err := New(Options{OnChange: func(s State) {
			if s.Name == StagePostShutdown && len(s.Steps) == 1 {
				if err := m.Register(Component{Name: "high", Phase: PostShutdown, Priority: 100, Stop: hang(0)}); err != nil {
					t.Error(err)
				}
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Register(Component{Name: "low", Priority: 1, Stop: hang(0)}); err != nil {
			t.Fatal(err)
		}
		m.Request(Request{})
		if err := m.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if s := m.State().Steps; len(s) != 2 || s[1].Name != "high" || s[1].Result != ResultDone {
			t.Errorf("steps %+v", s)
		}
	})
}

func TestWhen(t *testing.T) {
	for cause, want := range map[Cause]string{
		CauseRule: "hook done 0s", CauseSignal: "hook skipped 0s", CauseProgram: "hook skipped 0s", "": "hook skipped 0s",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, Options{})
			f.register(Component{Name: "always", Priority: 1}, Component{Name: "hook", When: OnRule})
			f.stop(cause)
			f.wantResults("always done 0s", want)
			if s := f.step("hook"); s.Result == ResultSkipped && !strings.HasPrefix(s.Error, "not asked by a rule but by a ") {
				t.Errorf("skipped because %q", s.Error)
			}
		})
	}
}

func TestFaultsOfComponents(t *testing.T) {
	stop := func(context.Context) error { return nil }
	for want, c := range map[string]Component{
		`register component without a name: set Name`:                                                         {Stop: stop},
		`register component "a": unknown Phase "later", choose from pre-shutdown, shutdown and post-shutdown`: {Name: "a", Phase: "later", Stop: stop},
		`register component "a": unknown When "never", choose from always and rule`:                           {Name: "a", When: "never", Stop: stop},
		`register component "a": Timeout -1s is negative, use 0 for no bound of its own`:                      {Name: "a", Timeout: -time.Second, Stop: stop},
		`register component "a": no Stop, set the function that stops it`:                                     {Name: "a"},
		`register component "taken": the name is taken, use another or unregister it first`:                   {Name: "taken", Stop: stop},
		`register component "` + strings.Repeat("n", 40) + `": Name must be UTF-8 of at most 128 bytes`:       {Name: strings.Repeat("n", 129), Stop: stop},
	} {
		f := newFixture(t, Options{})
		f.register(Component{Name: "taken"})
		if err := f.Register(c); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
		f.wantResults("taken waiting 0s")
	}
}

func TestUnregister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		f.register(
			Component{Name: "gone"},
			Component{Name: "removes", Stop: func(context.Context) error { f.Unregister("last"); f.Unregister("removes"); return nil }},
			Component{Name: "last", Phase: PostShutdown},
		)
		f.Unregister("gone")
		f.Unregister("unknown")
		f.stop(CauseSignal)
		f.wantResults("removes done 0s")
	})
}

func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{})
		c := func(name string) Component { return Component{Name: name, Stop: f.work(name, 0)} }
		f.register(c("code"))
		apply := func(drain, timeout time.Duration, want string, cs ...Component) {
			t.Helper()
			if err := f.Apply(drain, timeout, cs); (err == nil) != (want == "") || err != nil && err.Error() != want {
				t.Errorf("got %v\nwant %s", err, want)
			}
		}
		apply(0, 10*time.Second, "", c("one"), c("two"))
		f.wantResults("code waiting 0s", "one waiting 0s", "two waiting 0s")
		apply(5*time.Second, 5*time.Second, `apply shutdown settings: drain delay 5s must not be negative and must be shorter than timeout 5s, which includes it
component "code": the program has registered one of that name, use another`, c("code"))
		apply(time.Second, 5*time.Second, `apply shutdown settings: component "three": the name comes twice, use another
component "four": unknown Phase "x", choose from pre-shutdown, shutdown and post-shutdown
component "five": Timeout 5s is longer than the 4s that remain of 5s after a drain of 1s`,
			c("three"), c("three"), Component{Name: "four", Phase: "x"}, Component{Name: "five", Timeout: 5 * time.Second, Stop: hang(0)})
		f.wantResults("code waiting 0s", "one waiting 0s", "two waiting 0s")
		apply(2*time.Second, 10*time.Second, "", c("two"), c("three"))
		f.wantResults("code waiting 0s", "three waiting 0s", "two waiting 0s")
		f.Request(Request{})
		if err := f.Apply(0, time.Second, nil); !errors.Is(err, ErrStopping) {
			t.Errorf("apply while stopping: %v", err)
		}
		if got := f.State().Deadline.Sub(f.began); got != 10*time.Second {
			t.Errorf("deadline after %v, want 10s", got)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
		f.wantResults("code done 0s", "three done 0s", "two done 0s")
		if got := time.Since(f.began); got != 2*time.Second {
			t.Errorf("over after %v, want the drain of 2s", got)
		}
	})
}
