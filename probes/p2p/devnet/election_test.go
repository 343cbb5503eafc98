package devnet

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// world is a number of elections that hear each other at once, in a time of its own.
type world struct {
	t     *testing.T
	now   time.Time
	nodes []*election
	deaf  func(from, to int) bool
}

func newWorld(t *testing.T, n int) *world {
	w := &world{t: t, now: time.Unix(1_700_000_000, 0), deaf: func(int, int) bool { return false }}
	for i := range n {
		w.nodes = append(w.nodes, w.newborn(i))
	}
	return w
}

func (w *world) newborn(i int) *election {
	e := newElection(peer.ID(rune('a'+i)), w.now.Add(time.Duration(i)), time.Second, 0)
	e.join(w.now)
	return e
}

// pass lets time go by in steps of a quarter of a second.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(250 * time.Millisecond)
		for i, from := range w.nodes {
			if from == nil {
				continue
			}
			from.step(w.now)
			a := from.announce()
			for j, to := range w.nodes {
				if to != nil && i != j && !w.deaf(i, j) {
					to.hear(w.now, from.self, a)
				}
			}
		}
	}
}

// lead checks which nodes lead, and returns the highest of their terms.
func (w *world) lead(want ...int) uint64 {
	w.t.Helper()
	var term uint64
	leading := map[int]bool{}
	for _, i := range want {
		leading[i] = true
	}
	for i, e := range w.nodes {
		if e == nil {
			continue
		}
		if e.leads != leading[i] {
			w.t.Errorf("node %d leads: %v, want %v", i, e.leads, leading[i])
		}
		if e.leads {
			term = max(term, e.term)
		}
	}
	return term
}

func (w *world) above(term, old uint64) {
	w.t.Helper()
	if term <= old {
		w.t.Errorf("term %d does not follow %d", term, old)
	}
}

func TestElection(t *testing.T) {
	t.Parallel()
	t.Run("nobody leads before it has listened", func(t *testing.T) {
		w := newWorld(t, 3)
		w.pass(2 * time.Second)
		w.lead()
		w.pass(2 * time.Second)
		if term := w.lead(0); term != 1 {
			t.Errorf("the first term is %d", term)
		}
	})
	t.Run("the next oldest follows the leader", func(t *testing.T) {
		w := newWorld(t, 4)
		w.pass(5 * time.Second)
		old := w.lead(0)
		w.nodes[0] = nil
		w.pass(5 * time.Second)
		w.above(w.lead(1), old)
	})
	t.Run("who comes back is the youngest", func(t *testing.T) {
		w := newWorld(t, 3)
		w.pass(5 * time.Second)
		w.nodes[0] = nil
		w.pass(5 * time.Second)
		old := w.lead(1)
		w.nodes[0] = w.newborn(0)
		w.pass(10 * time.Second)
		if term := w.lead(1); term != old {
			t.Errorf("term went from %d to %d although the leader stayed", old, term)
		}
	})
	t.Run("each side of a partition elects, healed one leads in a term above both", func(t *testing.T) {
		w := newWorld(t, 5)
		w.pass(5 * time.Second)
		w.deaf = func(from, to int) bool { return from < 2 != (to < 2) }
		w.pass(5 * time.Second)
		old := w.lead(0, 2)
		w.deaf = func(int, int) bool { return false }
		w.pass(time.Second)
		w.above(w.lead(0), old)
	})
	t.Run("sides that reached the same term", func(t *testing.T) {
		w := newWorld(t, 3)
		w.pass(5 * time.Second)
		w.deaf = func(int, int) bool { return true }
		w.pass(5 * time.Second)
		old := w.lead(0, 1, 2)
		w.deaf = func(int, int) bool { return false }
		w.pass(time.Second)
		w.above(w.lead(0), old)
	})
	t.Run("a node that was stopped listens again", func(t *testing.T) {
		w := newWorld(t, 3)
		w.pass(5 * time.Second)
		old := w.lead(0)
		stopped := w.nodes[0]
		w.nodes[0] = nil
		w.pass(10 * time.Second)
		w.above(w.lead(1), old)
		w.nodes[0] = stopped
		w.pass(500 * time.Millisecond)
		old = w.lead(1)
		w.pass(5 * time.Second)
		w.above(w.lead(0), old)
	})
	t.Run("a late announcement does not revive the dead", func(t *testing.T) {
		w := newWorld(t, 2)
		w.pass(5 * time.Second)
		late := w.nodes[0].announce()
		w.nodes[1].hear(w.now, "a", w.nodes[0].announce())
		w.nodes[0] = nil
		for range 20 {
			w.nodes[1].hear(w.now, "a", late)
			w.pass(time.Second)
		}
		w.lead(1)
	})
}
