// Package evaluator decides: it samples a registry into a bounded store, evaluates Prometheus rule files on it with the
// PromQL engine, keeps alert states, and concludes each evaluation in an immutable Snapshot.
package evaluator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator/engine"
	"chorus/rules"
)

// Defaults of Options' zero fields. Those that are configuration keys stand in the embedded default configuration too;
// a test compares them.
const (
	DefaultInterval       = 5 * time.Second
	DefaultStartupTimeout = 2 * time.Minute
	DefaultStallTimeout   = 60 * time.Second
	DefaultMaxSeries      = 20_000
	DefaultHistoryEntries = 1000
)

// Options configure an Evaluator. Gatherer, Registerer and Rules are required.
type Options struct {
	Gatherer       prometheus.Gatherer   // what is measured; sampled at each evaluation
	Registerer     prometheus.Registerer // where the evaluator's own metrics and the phase go; behind Gatherer
	Rules          *rules.Set
	Interval       time.Duration // between evaluations
	StartupTimeout time.Duration // after which the phase is no longer starting, whatever is missing
	StallTimeout   time.Duration // without a finished evaluation, after which a Snapshot counts as stalled
	// MaxSeries bounds the series in the store, measured and recorded. A part of them is kept for the shipped rules: see
	// SeriesNeeded for what a configuration needs at least. The samples are bounded by those series times retention /
	// Interval; a series whose samples bring their own times may hold 10 minutes more. When a storm of outcomes has filled
	// the store up to that, evaluations wait for the interval, so that it never holds more than twice as many. A sample
	// takes 16 to 20 bytes and a series some 500 more: with the defaults and the shipped rules, which look back 10 minutes,
	// 70 MB at the full number of series, 130 MB after a storm.
	MaxSeries int
	// RunbookBaseURL replaces "/runbooks" at the beginning of runbook_url annotations. "" keeps /runbooks/NAME, the pages
	// that the exporter serves itself.
	RunbookBaseURL string
	// Cause returns the error of a probe's newest run that had finished at notAfter, as shown to people; ok is false if
	// that run passed or there is none. It must not block. nil: messages name alerts instead of errors.
	Cause          func(check string, notAfter time.Time) (text string, ok bool)
	HistoryEntries int                           // results kept per rule check, and events of actions
	OnSnapshot     func(*Snapshot)               // after each evaluation, before the next; must call neither Tick nor Stopping
	OnAction       func(context.Context, Action) // in a goroutine of its own; must return soon after ctx is done
	Logger         log.Logger
}

// Evaluator evaluates rules. All methods are safe for concurrent use.
type Evaluator struct {
	opts    Options
	engine  *engine.Engine // guarded by mu, but for its Store and the start of its Clock
	metrics *metrics
	names   map[string]rules.Name
	now     now

	mu     sync.Mutex // one evaluation at a time; guards what follows
	budget int        // samples in the store from which on no outcome drives an evaluation
	states map[string]stateSince
	proofs map[string]*proof // of rule checks
	// shippedVerdict reports whether the scores and the status are those of the shipped files.
	shippedVerdict bool
	contradiction  string // of the last evaluation; "" if there was none
	// concluding is the index of the first group that concludes from what the groups before it measure and declare.
	concluding int
	status     Status
	since      int64 // since when status holds, steady ms
	waiting    map[string]bool
	ranOnce    bool
	began      int64 // the first evaluation, steady ms
	limits     limits
	changes    changes

	sizedFor struct { // what the room was divided for
		set    *rules.Set
		probes int
	}

	ruleSet  atomic.Pointer[rules.Set]
	snapshot atomic.Pointer[Snapshot]
	phase    atomic.Pointer[string]
	publish  sync.Mutex // orders Stopping and the end of an evaluation
	results  results
	actions  actions
	exposed  atomic.Pointer[exposed]
	trigger  chan struct{}
	acting   sync.WaitGroup // goroutines of OnAction
}

// New checks the options and prepares an Evaluator. It starts nothing. It registers the evaluator's own metrics, and
// chorus_exporter_build_info if nobody has.
func New(o Options) (*Evaluator, error) {
	if o.Gatherer == nil || o.Registerer == nil || o.Rules == nil {
		return nil, errors.New("new evaluator: Gatherer, Registerer and Rules are required")
	}
	o.setDefaults()
	base := time.Now()
	eng, err := engine.New(engine.Options{
		LookBack: o.Rules.Retention(), MaxSeries: o.MaxSeries, Start: base.Round(0),
		Class: classOf, Refuse: refuse, Logger: o.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("new evaluator: %w", err)
	}
	e := &Evaluator{
		opts:    o,
		engine:  eng,
		names:   map[string]rules.Name{},
		now:     systemNow(base),
		states:  map[string]stateSince{},
		proofs:  map[string]*proof{},
		status:  Starting,
		trigger: make(chan struct{}, 1),
	}
	e.since = base.UnixMilli()
	for _, n := range rules.Names() {
		e.names[n.Name] = n
	}
	e.results.entries, e.actions.entries = o.HistoryEntries, o.HistoryEntries
	e.setPhase(phaseStarting)
	e.install(o.Rules)
	e.exposed.Store(&exposed{})
	e.snapshot.Store(&Snapshot{
		Time: base.UTC(), Sampled: base, Finished: base, Status: Starting, Since: base.UTC(),
		Message: "starting: waiting for the first evaluation", Score: noScore, StallTimeout: o.StallTimeout,
	})
	e.metrics = newMetrics(e)
	if err := e.metrics.register(o.Registerer); err != nil {
		return nil, fmt.Errorf("new evaluator: %w", err)
	}
	return e, nil
}

func (o *Options) setDefaults() {
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	if o.StartupTimeout <= 0 {
		o.StartupTimeout = DefaultStartupTimeout
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = DefaultStallTimeout
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.HistoryEntries <= 0 {
		o.HistoryEntries = DefaultHistoryEntries
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
}

// Snapshot is the newest verdict, never nil.
func (e *Evaluator) Snapshot() *Snapshot { return e.snapshot.Load() }

// Rules is the rule set in force.
func (e *Evaluator) Rules() *rules.Set { return e.ruleSet.Load() }

// SetRules swaps the rules between two evaluations and triggers one. A rule that has the file, group, name and labels of
// an old one goes on from its state: pending and firing alerts survive, and a changed `for` counts from the same beginning.
// The series of rules that went end at once.
func (e *Evaluator) SetRules(set *rules.Set) {
	e.mu.Lock()
	e.install(set)
	e.mu.Unlock()
	e.Trigger()
}

// SetRunbookBaseURL changes Options.RunbookBaseURL, from the next evaluation on.
func (e *Evaluator) SetRunbookBaseURL(base string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opts.RunbookBaseURL = base
}

// install is SetRules without lock and trigger.
func (e *Evaluator) install(set *rules.Set) {
	e.concluding = len(set.Groups())
	e.shippedVerdict = true
	for i, g := range set.Groups() {
		if g.Concludes {
			e.concluding = min(e.concluding, i)
		}
		e.shippedVerdict = e.shippedVerdict && !g.ReplacesVerdict
	}
	e.engine.Install(set.Groups(), set.Retention())
	perSeries := int(e.engine.Kept()/e.opts.Interval) + 1
	e.budget = e.opts.MaxSeries * perSeries
	e.ruleSet.Store(set)
	e.resize(set, e.sizedFor.probes)
	e.results.keep(set.Checks())
	e.metrics.groupsChanged(e.engine.Groups)
}

// Trigger asks for an evaluation soon: at once, or 50 ms after the last one. It never blocks.
func (e *Evaluator) Trigger() {
	select {
	case e.trigger <- struct{}{}:
	default:
	}
}

// Stopping turns the status to stopping: the current verdict at once, and every one that follows.
func (e *Evaluator) Stopping() {
	e.publish.Lock()
	if !e.inPhase(phaseStopping) { // once: since then it holds
		e.setPhase(phaseStopping)
		t, _ := e.now()
		e.publishLocked(asStopping(e.snapshot.Load(), t.UTC()))
	}
	e.publish.Unlock()
	e.Trigger()
}
