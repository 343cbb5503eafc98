package shutdown

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fixture is a Manager whose changes and steps are written down, with the time since it was made.
type fixture struct {
	*Manager
	t        *testing.T
	registry *prometheus.Registry
	began    time.Time

	mu   sync.Mutex
	lore []string
}

func newFixture(t *testing.T, o Options) *fixture {
	t.Helper()
	f := &fixture{t: t, registry: prometheus.NewPedanticRegistry(), began: time.Now()}
	o.Registerer = f.registry
	told := StageRunning
	o.OnChange = func(s State) {
		if s.Name != told {
			f.note("= %s", s.Name)
		}
		told = s.Name
	}
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Manager = m
	return f
}

func (f *fixture) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lore = append(f.lore, fmt.Sprintf("%v ", time.Since(f.began))+fmt.Sprintf(format, args...))
}

// story is what was noted, in its order.
func (f *fixture) story() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.lore, "\n")
}

func (f *fixture) register(components ...Component) {
	f.t.Helper()
	for _, c := range components {
		if c.Stop == nil {
			c.Stop = f.work(c.Name, 0)
		}
		if err := f.Register(c); err != nil {
			f.t.Fatal(err)
		}
	}
}

// work notes when it begins and takes its time, or returns the error of its context.
func (f *fixture) work(name string, takes time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		f.note("%s", name)
		select {
		case <-time.After(takes):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop asks for a stop and runs it to its end.
func (f *fixture) stop(cause Cause) {
	f.t.Helper()
	if !f.Request(Request{Cause: cause, Reason: "the test wants it"}) {
		f.t.Error("the first request was not accepted")
	}
	if err := f.Run(context.Background()); err != nil {
		f.t.Error(err)
	}
	select {
	case <-f.Done():
	default:
		f.t.Error("Run returned and Done is open")
	}
}

// results are the steps as NAME RESULT TOOK, in their order.
func (f *fixture) results() []string {
	var all []string
	for _, s := range f.State().Steps {
		all = append(all, fmt.Sprintf("%s %s %v", s.Name, s.Result, s.Took))
	}
	return all
}

func (f *fixture) wantResults(want ...string) {
	f.t.Helper()
	if got := f.results(); !slices.Equal(got, want) {
		f.t.Errorf("steps\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

func (f *fixture) wantStory(want ...string) {
	f.t.Helper()
	if got := f.story(); got != strings.Join(want, "\n") {
		f.t.Errorf("story\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// step is a step of the state.
func (f *fixture) step(name string) Step {
	f.t.Helper()
	for _, s := range f.State().Steps {
		if s.Name == name {
			return s
		}
	}
	f.t.Fatalf("no step %s", name)
	return Step{}
}

// hang ignores its context for so long.
func hang(d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		time.Sleep(d)
		return nil
	}
}
