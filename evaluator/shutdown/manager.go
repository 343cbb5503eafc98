package shutdown

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of Options.
const (
	DefaultDrainDelay = 5 * time.Second
	DefaultTimeout    = 30 * time.Second
)

// ErrStopping is why Apply and a late Register are refused: the stop has begun.
var ErrStopping = errors.New("the stop has begun")

// Options says how a Manager stops. Every field may be left out.
type Options struct {
	// DrainDelay is the time between the request and the first phase, in which everything still answers; 0:
	// DefaultDrainDelay, negative: none.
	DrainDelay time.Duration
	// Timeout bounds the whole, the drain included; default DefaultTimeout. It must be longer than the drain.
	Timeout time.Duration
	// OnStopping is called once, by the accepted Request and before it returns: the place to turn the status to stopping.
	// No phase begins before it has returned, so it must return at once.
	OnStopping func(Request)
	// OnChange is told of every new stage and of every step that begins or ends, one call after the other, under no lock.
	// Everything waits for it, so it must return at once.
	OnChange func(State)
	// Registerer gets the chorus_shutdown_* metrics. Nil: no metrics.
	Registerer prometheus.Registerer
	// Logger gets the request, how every step ended, and the stack of a panic.
	Logger log.Logger
}

// Manager stops components in order, once. All methods may be called at any time by any goroutine.
type Manager struct {
	options   Options
	metrics   *metrics
	requested chan struct{} // closed when a request was accepted and OnStopping has returned
	done      chan struct{} // closed when everything is over
	isRunning atomic.Bool   // whether Run runs
	state     atomic.Pointer[State]

	mu             sync.Mutex
	drain, timeout time.Duration
	steps          map[string]*step // by name
	stage          Stage
	since          time.Time
	request        *Request // the accepted one
	observed       *Request
	bounds         bounds // of the stop; zero before
	begun          int    // waves that have begun
	priority       *int   // of the newest wave of this phase; nil before its first
}

// New returns a Manager without components and registers its metrics. It starts nothing: Run does.
func New(o Options) (*Manager, error) {
	o.DrainDelay = max(0, cmp.Or(o.DrainDelay, DefaultDrainDelay))
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	if err := checkTimes(o.DrainDelay, o.Timeout); err != nil {
		return nil, fmt.Errorf("new shutdown manager: %w", err)
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	m := &Manager{
		options:   o,
		requested: make(chan struct{}),
		done:      make(chan struct{}),
		drain:     o.DrainDelay,
		timeout:   o.Timeout,
		steps:     make(map[string]*step),
	}
	m.metrics = newMetrics(m.State)
	m.enter(StageRunning, time.Now())
	if o.Registerer != nil {
		if err := m.metrics.register(o.Registerer); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// checkTimes says what is wrong with a drain, which may be 0, and a bound of the whole.
func checkTimes(drain, timeout time.Duration) error {
	if drain < 0 || timeout <= drain {
		return fmt.Errorf("drain delay %v must not be negative and must be shorter than timeout %v, which includes it",
			drain, timeout)
	}
	return nil
}

// Request asks for the stop. The first one is accepted: from then on the state is draining, the bound of the whole
// counts, and once OnStopping has returned so does Request, with true. Later ones change nothing and return false.
// Whether Run runs already makes no difference: it goes on with what was accepted.
func (m *Manager) Request(r Request) bool {
	now := time.Now()
	r = r.complete(now)
	m.mu.Lock()
	if m.request != nil {
		m.mu.Unlock()
		m.metrics.asked(repeated)
		level.Info(m.about(r)).Log("msg", "Stop requested once more, which changes nothing")
		return false
	}
	m.request = &r
	m.bounds = bounds{drained: now.Add(m.drain), deadline: now.Add(m.timeout)}
	for _, s := range m.steps {
		m.admit(s)
	}
	s := m.enter(StageDraining, now)
	m.mu.Unlock()
	defer close(m.requested)
	m.metrics.asked(accepted)
	level.Info(m.about(r)).Log("msg", fmt.Sprintf("Stopping, asked by a %s: %s", r.Cause, cmp.Or(r.Reason, "no reason given")))
	if m.options.OnStopping != nil {
		m.guard("OnStopping", func() { m.options.OnStopping(r) })
	}
	m.tell(s)
	return true
}

// Observe counts a request and keeps it in the state as Observed, for whoever shows what would have happened. It stops
// nothing.
func (m *Manager) Observe(r Request) {
	r = r.complete(time.Now())
	m.mu.Lock()
	m.observed = &r
	m.publish()
	m.mu.Unlock()
	m.metrics.asked(observed)
}

// Done is closed when the stop is over, and never if none is requested or Run is not called.
func (m *Manager) Done() <-chan struct{} { return m.done }

// State is what the Manager is doing. It never waits and allocates nothing.
func (m *Manager) State() State { return *m.state.Load() }

// enter begins a stage. Callers hold mu.
func (m *Manager) enter(stage Stage, now time.Time) State {
	m.stage, m.since, m.priority = stage, now, nil
	return m.publish()
}

// publish makes what is true now the state that everybody reads. Callers hold mu.
func (m *Manager) publish() State {
	s := State{Name: m.stage, Since: shown(m.since), Request: m.request, Observed: m.observed}
	if m.request != nil {
		s.Deadline = shown(m.bounds.deadline)
	}
	for _, each := range m.sorted() {
		s.Steps = append(s.Steps, each.shown())
	}
	m.state.Store(&s)
	return s
}

// tell hands a state to OnChange. Only the accepted Request calls it, and then only Run, so that calls come in order.
func (m *Manager) tell(s State) {
	if m.options.OnChange != nil {
		m.guard("OnChange", func() { m.options.OnChange(s) })
	}
}

// about is the logger with what a request speaks of.
func (m *Manager) about(r Request) log.Logger {
	logger := m.options.Logger
	if r.Check != "" {
		logger = log.With(logger, "check", r.Check)
	}
	if r.Rule != "" {
		logger = log.With(logger, "rule", r.Rule)
	}
	return logger
}

// guard calls a callback: a panic in it must not keep the rest from being stopped.
func (m *Manager) guard(name string, callback func()) {
	defer func() {
		if v := recover(); v != nil {
			level.Error(m.options.Logger).Log("msg", "Callback "+name+" panicked", "err", panicText(v))
		}
	}()
	callback()
}
