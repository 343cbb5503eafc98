package devnet

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Heartbeat is what the leader publishes on the heartbeat topic, as JSON, every heartbeat interval.
type Heartbeat struct {
	NodeID    string        `json:"node_id"`   // the peer id of the leader, who signs the message too
	Term      uint64        `json:"term"`      // rises with every new leadership
	Uptime    time.Duration `json:"uptime"`    // of the leader, in nanoseconds
	Timestamp time.Time     `json:"timestamp"` // of the leader's clock
}

// announcement is how nodes of a swarm tell each other that they live. It is no part of what a probe sees.
type announcement struct {
	NodeID  string `json:"node_id"`
	Started int64  `json:"started"` // nanoseconds since the epoch
	Serial  uint64 `json:"serial"`  // of this announcement: a late one must not revive the dead
	Term    uint64 `json:"term"`    // newest this node knows of
	Leads   bool   `json:"leads"`
	Dazed   bool   `json:"dazed"` // it was stopped for a while and listens: it is no candidate until it knows who leads
}

// election is one node's view: among those it hears, the one up longest leads, and the smaller id if two are equal. It
// holds no clock: its callers say what time it is.
//
// A new leadership takes a term above all it has heard of. When a partition heals, two lead for a moment: the younger
// steps down when it hears the older, and the older takes a new term, above both.
type election struct {
	self     peer.ID
	started  time.Time
	interval time.Duration

	mu      sync.Mutex
	others  map[peer.ID]sighting
	term    uint64 // newest heard of, or its own
	leads   bool
	settled time.Time // before it a node listens and does not lead; zero: it has not joined
	dazed   bool      // it listens for the second time, since it was stopped
	stepped time.Time
	serial  uint64
	seen    Heartbeat // newest heartbeat, by term
}

// sighting is what was last heard of another node.
type sighting struct {
	started int64
	serial  uint64
	dazed   bool
	heard   time.Time
}

func newElection(self peer.ID, started time.Time, interval time.Duration, term uint64) *election {
	return &election{self: self, started: started, interval: interval, term: term, others: make(map[peer.ID]sighting)}
}

// deadAfter is how long a node lives on for others without a word of it.
func (e *election) deadAfter() time.Duration { return 3 * e.interval }

// settle is how long a node listens before it may lead: longer than GossipSub needs to graft a mesh.
func (e *election) settle() time.Duration { return max(e.deadAfter(), 1500*time.Millisecond) }

// join lets the node take part; it is said when the node has been told whom to dial. Only the first time counts.
func (e *election) join(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.settled.IsZero() {
		e.settled, e.stepped = now.Add(e.settle()), now
	}
}

// hear takes in an announcement.
func (e *election) hear(now time.Time, from peer.ID, a announcement) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.others[from]
	late := a.Started < known.started || a.Started == known.started && a.Serial <= known.serial
	if ok && late || !ok && len(e.others) >= 2*maxNodes {
		return
	}
	e.others[from] = sighting{a.Started, a.Serial, a.Dazed, now}
	foreign := a.Term > e.term || a.Term == e.term && a.Leads
	if !e.leads {
		e.term = max(e.term, a.Term)
		return
	}
	if !foreign {
		return
	}
	e.term = a.Term
	if best, _ := e.best(now); best == e.self {
		e.term++
	} else {
		e.leads = false
	}
}

// step decides who leads. It returns whether this node does and in which term.
func (e *election) step(now time.Time) (leads bool, term uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.settled.IsZero() {
		return false, e.term
	}
	if now.Sub(e.stepped) > e.deadAfter() {
		// The process was stopped for a while: what it knew is old, and others may lead by now.
		clear(e.others)
		e.leads, e.dazed, e.settled = false, true, now.Add(e.settle())
	}
	e.stepped = now
	e.dazed = e.dazed && now.Before(e.settled)
	best, _ := e.best(now)
	switch {
	case best != e.self || now.Before(e.settled):
		e.leads = false
	case !e.leads:
		e.leads = true
		e.term++
	}
	return e.leads, e.term
}

// best is who should lead, and how many others live. It forgets the dead after a while. Callers hold mu.
func (e *election) best(now time.Time) (best peer.ID, alive int) {
	best, oldest := e.self, e.started.UnixNano()
	for id, m := range e.others {
		switch silent := now.Sub(m.heard); {
		case silent > 20*e.deadAfter():
			delete(e.others, id)
			continue
		case silent > e.deadAfter():
			continue
		}
		alive++
		if !m.dazed && (m.started < oldest || m.started == oldest && id < best) {
			best, oldest = id, m.started
		}
	}
	return best, alive
}

// announce is the next announcement of this node.
func (e *election) announce() announcement {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serial++
	return announcement{
		NodeID: e.self.String(), Started: e.started.UnixNano(), Serial: e.serial,
		Term: e.term, Leads: e.leads, Dazed: e.dazed,
	}
}

// heartbeat is that of this node, should it lead.
func (e *election) heartbeat(now time.Time) Heartbeat {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Heartbeat{NodeID: e.self.String(), Term: e.term, Uptime: now.Sub(e.started), Timestamp: now.UTC()}
}

// observe takes in a heartbeat.
func (e *election) observe(h Heartbeat) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h.Term >= e.seen.Term {
		e.seen = h
	}
}

// report fills in what the node says of the election.
func (e *election) report(now time.Time, r *Report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, r.Alive = e.best(now)
	r.Leads, r.Term = e.leads, e.term
	r.Leader = e.seen.NodeID
	r.Uptime = now.Sub(e.started)
}
