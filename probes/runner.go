package probes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of RunnerOptions. The embedded default configuration states the same values.
const (
	DefaultMaxEntries      = 1000
	DefaultCleanupInterval = time.Hour
)

// RunnerOptions says what a Runner works with. Every field may be left out.
type RunnerOptions struct {
	// Registerer gets the Runner as a collector of the chorus_health_check_* metrics. It stays registered after Run has
	// ended, so that a last scrape sees the last values; Registerer.Unregister(runner) takes it out. Nil: no metrics.
	Registerer prometheus.Registerer
	// NodeID spreads the schedules of many nodes: equal checks of two nodes run at different times.
	NodeID string
	// MaxEntries bounds the outcomes kept of one check; default DefaultMaxEntries. Memory is taken as they come.
	MaxEntries int
	// CleanupInterval is how often the outcomes of checks that are gone are dropped; default DefaultCleanupInterval.
	CleanupInterval time.Duration
	// OnOutcome is told of an outcome that failed, that differs from the one before, or that comes later than interval
	// and timeout promise, as after a pause of the process; the first differs. By then it stands in metrics and history.
	// It runs in the goroutine of its check and under no lock: while it does not return this check, and no other, waits.
	OnOutcome func(Outcome)
	// OnChange is called after Register, Unregister and Apply have changed the set of checks, or the target of one: what
	// is known of them has changed without an outcome. It runs in the caller's goroutine and under no lock.
	OnChange func()
	// Logger gets what changed: a check that fails or passes again, a run that was abandoned, the stack of a panic.
	Logger log.Logger
}

// Runner runs checks. Each has its own schedule, timeout, history and metrics, and none can delay another. All methods
// may be called at any time by any goroutine.
type Runner struct {
	options RunnerOptions
	metrics metrics
	wall    func() time.Time // the wall clock, which tests can step

	mu      sync.RWMutex
	session *session          // nil while Run does not run
	checks  map[string]*check // by name; disabled ones too
	gone    map[string]*check // unregistered since the last sweep, or with a run that is still out
}

// session is one call of Run.
type session struct {
	ctx   context.Context // of Run: each task derives its own from it
	tasks sync.WaitGroup
}

// maxGone bounds the checks that are gone between two sweeps.
const maxGone = 256

// NewRunner returns a Runner without checks and registers its metrics. It starts nothing: Run does.
func NewRunner(o RunnerOptions) (*Runner, error) {
	o.MaxEntries = cmp.Or(o.MaxEntries, DefaultMaxEntries)
	o.CleanupInterval = cmp.Or(o.CleanupInterval, DefaultCleanupInterval)
	if o.MaxEntries < 1 || o.CleanupInterval < shortest {
		return nil, fmt.Errorf("new probe runner: max entries %d and cleanup interval %v must be positive",
			o.MaxEntries, o.CleanupInterval)
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	r := &Runner{
		options: o,
		metrics: newMetrics(),
		wall:    time.Now,
		checks:  make(map[string]*check),
		gone:    make(map[string]*check),
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(r); err != nil {
			return nil, fmt.Errorf("register metrics of the probe runner: %w", err)
		}
	}
	return r, nil
}

// Run runs the checks until ctx is done, and returns nil when every run has ended. Runs that ctx cancels leave no
// outcome; one that does not end within half a second is abandoned. Run may be called again after it has returned: what is
// proven stays proven.
func (r *Runner) Run(ctx context.Context) error {
	s := &session{ctx: ctx}
	r.mu.Lock()
	if r.session != nil {
		r.mu.Unlock()
		return errors.New("run probes: already running")
	}
	r.session = s
	for _, c := range r.checks {
		r.start(c)
	}
	r.mu.Unlock()

	ticker := time.NewTicker(r.options.CleanupInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			r.mu.Lock()
			r.sweep()
			r.mu.Unlock()
		}
	}

	r.mu.Lock()
	r.session = nil // no task starts in s from here on
	for _, c := range r.checks {
		c.halt()
	}
	r.mu.Unlock()
	s.tasks.Wait()
	return nil
}

// Register adds a check, also while Run runs; its first run comes within 3 seconds. Apply leaves it alone.
func (r *Runner) Register(s Spec) error {
	s, err := s.complete()
	if err != nil {
		return fmt.Errorf("register %w", err)
	}
	r.mu.Lock()
	taken := r.checks[s.Name] != nil
	if !taken {
		r.add(s, false)
	}
	r.mu.Unlock()
	if taken {
		return fmt.Errorf("register check %q: the name is taken, use another or unregister it first", s.Name)
	}
	r.tellChange()
	return nil
}

// Unregister removes a check, wherever it came from: its series vanish at once, its run is cancelled and leaves no
// outcome. What it had concluded stays readable until the next sweep. An unknown name changes nothing.
func (r *Runner) Unregister(name string) {
	r.mu.Lock()
	c := r.checks[name]
	if c != nil {
		r.remove(c)
	}
	r.mu.Unlock()
	if c != nil {
		r.tellChange()
	}
}

// tellChange calls OnChange. Callers do not hold mu.
func (r *Runner) tellChange() {
	if r.options.OnChange != nil {
		r.options.OnChange()
	}
}

// Checks lists all checks by name, disabled ones too, with defaults filled in and without Target.
func (r *Runner) Checks() []Spec {
	r.mu.RLock()
	defer r.mu.RUnlock()
	specs := make([]Spec, 0, len(r.checks))
	for _, name := range slices.Sorted(maps.Keys(r.checks)) {
		s := r.checks[name].spec
		s.Target = "" // may hold a secret
		specs = append(specs, s)
	}
	return specs
}

// add begins a check whose spec is complete and whose name is free. A run that an earlier check of that name left
// behind is handed on: the new one does not run before it has returned. Callers hold mu.
func (r *Runner) add(s Spec, configured bool) {
	c := &check{
		spec:       s,
		configured: configured,
		results:    ring{max: r.options.MaxEntries},
		durations:  r.metrics.histogram(s.Name),
	}
	if old := r.gone[s.Name]; old != nil {
		c.flight = old.flight
		delete(r.gone, s.Name)
	}
	r.checks[s.Name] = c
	r.start(c)
}

// remove ends a check. Callers hold mu.
func (r *Runner) remove(c *check) {
	c.halt()
	delete(r.checks, c.spec.Name)
	r.metrics.forget(c.spec.Name)
	if len(r.gone) >= maxGone {
		r.sweep()
	}
	r.gone[c.spec.Name] = c
}

// start gives a check its task, if it is to run now. Callers hold mu.
func (r *Runner) start(c *check) {
	s := r.session
	if s == nil || c.spec.Disabled {
		return
	}
	if c.since.IsZero() {
		c.since = time.Now()
	}
	ctx, stop := context.WithCancel(s.ctx)
	t := &task{runner: r, check: c, spec: c.spec, stop: stop}
	c.task = t
	s.tasks.Go(func() {
		defer stop()
		t.loop(ctx)
	})
}

// sweep drops what is kept of checks that are gone. Of one whose run is still out the run stays, so that a new check of
// that name finds it. Callers hold mu.
func (r *Runner) sweep() {
	for name, c := range r.gone {
		if c.flight.out() {
			r.gone[name] = &check{spec: Spec{Name: name}, flight: c.flight}
		} else {
			delete(r.gone, name)
		}
	}
}

// find is the check of that name, or what is kept of one that is gone. Callers hold mu, reading at least.
func (r *Runner) find(name string) *check {
	if c := r.checks[name]; c != nil {
		return c
	}
	return r.gone[name]
}
