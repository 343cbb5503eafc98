package evaluator

import (
	"iter"
	"sync"
	"time"

	"chorus/evaluator/engine"
	"chorus/rules"
)

// Outcome is one counted result of a rule check.
type Outcome struct {
	Check   string
	Time    time.Time
	Healthy bool
	State   State
	Message string
	Latency time.Duration
}

// results counts what rule checks concluded, each at its own interval, and keeps the newest outcomes of each.
type results struct {
	entries int

	mu     sync.Mutex
	checks map[string]*tally
}

// tally is one rule check's. Times are steady milliseconds.
type tally struct {
	interval       time.Duration
	passed, failed uint64
	healthy        bool
	ran, succeeded bool
	lastRun        int64
	lastSuccess    int64
	ring           []Outcome // newest at next-1
	next           int
}

// keep forgets the checks that are gone and takes over the intervals of the others.
func (r *results) keep(checks []rules.Check) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := make(map[string]*tally, len(checks))
	for _, c := range checks {
		t := r.checks[c.Name]
		if t == nil {
			t = &tally{}
		}
		t.interval = c.Interval
		kept[c.Name] = t
	}
	r.checks = kept
}

// countResults counts the result of every rule check that is due and sums up all runs since start. A check counts from
// its first data on, or once it is known to be unknown. While the process starts, an unproven check that nothing fires
// for does not count: it has had no time to pass.
func (e *Evaluator) countResults(snap *Snapshot, v *view, s engine.Stamp) {
	r := &e.results
	r.mu.Lock()
	defer r.mu.Unlock()
	snap.TotalRuns, snap.FailedRuns = uint64(v.passed+v.failed), uint64(v.failed)
	for i := range snap.Checks {
		c := &snap.Checks[i]
		t := r.checks[c.Name]
		if t == nil || !v.data[c.Name] && c.State != StateUnknown {
			continue
		}
		if c.State == StateUnknown && !v.proven[c.Name] && e.inPhase(phaseStarting) {
			continue
		}
		slack := e.opts.Interval / 2
		if t.ran && time.Duration(s.Steady-t.lastRun)*time.Millisecond < t.interval-slack {
			continue
		}
		t.count(c, s, r.entries)
	}
	for _, t := range r.checks {
		snap.TotalRuns += t.passed + t.failed
		snap.FailedRuns += t.failed
	}
}

func (t *tally) count(c *Check, s engine.Stamp, entries int) {
	t.ran, t.lastRun, t.healthy = true, s.Steady, c.Healthy
	if c.Healthy {
		t.passed++
		t.succeeded, t.lastSuccess = true, s.Steady
	} else {
		t.failed++
	}
	o := Outcome{Check: c.Name, Time: s.Wall, Healthy: c.Healthy, State: c.State, Message: c.Message, Latency: c.Latency}
	if len(t.ring) < entries {
		t.ring = append(t.ring, o)
		t.next = len(t.ring) % entries
		return
	}
	t.ring[t.next] = o
	t.next = (t.next + 1) % entries
}

// Results are the counted results of a rule check, newest first, at most HistoryEntries. An unknown check has none. The
// sequence is a copy of its time: it neither blocks nor shows what comes later.
func (e *Evaluator) Results(check string) iter.Seq[Outcome] {
	e.results.mu.Lock()
	defer e.results.mu.Unlock()
	t := e.results.checks[check]
	if t == nil {
		return func(func(Outcome) bool) {}
	}
	newest := make([]Outcome, 0, len(t.ring))
	for i := range t.ring {
		newest = append(newest, t.ring[(t.next-1-i+2*len(t.ring))%len(t.ring)])
	}
	return func(yield func(Outcome) bool) {
		for _, o := range newest {
			if !yield(o) {
				return
			}
		}
	}
}
