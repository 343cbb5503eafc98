package probes

import (
	"iter"
	"time"
)

// ring holds the newest max outcomes of a check. It grows as they come.
type ring struct {
	max    int
	pushed uint64 // outcomes ever; the next one's sequence number
	held   []Outcome
}

func (h *ring) push(o Outcome) {
	if len(h.held) < h.max {
		h.held = append(h.held, o)
	} else {
		h.held[h.pushed%uint64(h.max)] = o
	}
	h.pushed++
}

// at is the outcome with that sequence number, unless newer ones have taken its place.
func (h *ring) at(seq uint64) (Outcome, bool) {
	if seq >= h.pushed || h.pushed-seq > uint64(len(h.held)) {
		return Outcome{}, false
	}
	return h.held[seq%uint64(h.max)], true
}

// Results yields the outcomes kept of a check, newest first: at most RunnerOptions.MaxEntries, none for an unknown name.
// It starts from the newest at the time of the call to the iterator, and holds no lock while the loop body runs.
func (r *Runner) Results(name string) iter.Seq[Outcome] {
	return func(yield func(Outcome) bool) {
		r.mu.RLock()
		c := r.find(name)
		if c == nil {
			r.mu.RUnlock()
			return
		}
		seq := c.results.pushed
		r.mu.RUnlock()
		for ; seq > 0; seq-- {
			r.mu.RLock()
			o, ok := c.results.at(seq - 1)
			r.mu.RUnlock()
			if !ok || !yield(o) {
				return
			}
		}
	}
}

// Last is the newest outcome of a check that had finished at notAfter, so that an outcome can be shown beside a verdict
// that was reached knowing it. The zero time asks for the newest of all. Outcomes of an earlier target, or from before the
// check was switched off, are left out. False: there is none.
func (r *Runner) Last(name string, notAfter time.Time) (Outcome, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := r.find(name)
	if c == nil {
		return Outcome{}, false
	}
	for seq := c.results.pushed; seq > c.begin; seq-- {
		o, ok := c.results.at(seq - 1)
		if !ok || notAfter.IsZero() || !o.Finished.After(notAfter) {
			return o, ok
		}
	}
	return Outcome{}, false
}
