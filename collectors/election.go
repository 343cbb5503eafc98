package collectors

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
)

// Heartbeat is one statement of a node that it leads. Leaders alone send heartbeats: whoever sends one claims to lead.
type Heartbeat struct {
	Node   string        // who claims to lead
	Term   uint64        // the election it won; 0 where elections are not numbered
	Uptime time.Duration // of the sender; 0: it does not say
	Sent   time.Time     // by the sender's clock; zero: it does not say
}

// Election watches who leads, from heartbeats that it is told of. It takes no part in the election and starts nothing:
// Heartbeat moves it forward, and how old the last heartbeats are is found out when it is gathered. Ages are measured
// by our monotonic clock; no clock of a sender and no step of ours decides anything. What it knows is bounded by the
// configured nodes. It is a prometheus.Collector; all methods are safe for concurrent use.
//
// The newest term seen holds: a heartbeat of an older one is counted and changes nothing, while a leader of the newest
// lives and for a while after. But a cluster may forget its terms, as when all of it starts again. So when the last
// heartbeat of the newest term is twice HeartbeatTimeout old, one of an older term begins a new epoch, if its sender
// dates it later than all we know it has sent: what was said before is forgotten, its sender leads, and that is a change
// of the leader. Until then the results stale_term and term_backwards count up. A heartbeat without a time begins none,
// as nothing shows that it is new. The higher term wins as ever if its leader was merely out of reach and comes back.
type Election struct {
	descs   electionDescs
	logger  log.Logger
	wall    func() time.Time // the wall clock, which tests can step
	latency prometheus.Histogram
	results [len(heartbeatResults)]atomic.Uint64

	mu      sync.Mutex // guards all below
	options ElectionOptions
	nodes   map[string]*claim // every configured node
	since   time.Time         // when there was nothing to know: the start, or when Apply dropped all that was known
	term    uint64            // newest of the claims
	changes uint64
	changed time.Time // of the last change; zero before the first
	settled reign     // the last that was undisputed
	seen    sight     // at the last look
	news    bool      // seen is new and not in the log yet
}

// claim is what a node last said.
type claim struct {
	Heartbeat
	received time.Time // zero before the first
	latest   time.Time // the newest time that the node has put on any heartbeat, of an older term too
}

// reign is a leader without rival.
type reign struct {
	leader string // empty before the first
	term   uint64
}

// sight is what a look at the claims shows.
type sight struct {
	state   string
	leaders string // their names, with spaces between them
	term    uint64
}

// States of an election: the label state.
const (
	stateLeader   = "leader"
	stateNoLeader = "no_leader"
	stateSplit    = "split" // two nodes lead in one term
)

// NewElection checks the options and prepares the collector. It starts nothing.
func NewElection(o ElectionOptions) (*Election, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Election{
		descs:   newElectionDescs(),
		logger:  log.With(o.Logger, "component", "election"),
		wall:    time.Now,
		latency: newHeartbeatLatency(),
		seen:    sight{state: stateNoLeader},
		since:   time.Now(),
	}
	e.replace(o)
	return e, nil
}

// Apply puts other options into force, or none if one is wrong. What was heard of a node that stays is kept; one that
// went leads no more, and its term no longer counts.
func (e *Election) Apply(o ElectionOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.newest() != nil
	e.replace(o)
	if known && e.newest() == nil {
		e.since = time.Now()
	}
	return nil
}

// replace takes over options that are complete. e.mu is held, or e is new.
func (e *Election) replace(o ElectionOptions) {
	nodes := make(map[string]*claim, len(o.Nodes))
	e.term = 0
	for _, name := range o.Nodes {
		c := e.nodes[name]
		if c == nil {
			c = new(claim)
		}
		nodes[name], e.term = c, max(e.term, c.Term)
	}
	e.options, e.nodes = o, nodes
}

// Heartbeat tells of a heartbeat that arrived at received, a time with monotonic reading, and says what became of it.
// The caller vouches for the sender: that the node named did send it, and that it is no repetition of an old one.
func (e *Election) Heartbeat(h Heartbeat, received time.Time) HeartbeatResult {
	result := e.hear(h, received)
	e.count(result)
	if result.counts() && !h.Sent.IsZero() {
		e.latency.Observe(max(received.Sub(h.Sent).Seconds(), 0))
	}
	return result
}

func (e *Election) hear(h Heartbeat, received time.Time) HeartbeatResult {
	e.mu.Lock()
	defer e.unlock()
	c := e.nodes[h.Node]
	if c == nil {
		return HeartbeatUnknownAuthor
	}
	later, result := h.Sent.After(c.latest), HeartbeatAccepted
	if later {
		c.latest = h.Sent
	}
	if h.Term < e.term {
		if !later || !e.abandoned(received) {
			if h.Term < c.Term {
				return HeartbeatTermBackwards
			}
			return HeartbeatStaleTerm
		}
		e.forget()
		result = HeartbeatEpochReset
	}
	if h.Term > c.Term || !received.Before(c.received) { // told of out of order, the newest says how old the claim is
		h.Node = e.own(h.Node)
		c.Heartbeat, c.received = h, received
	}
	e.term = h.Term
	e.settle(received)
	return result
}

// abandoned says whether the newest term has had no heartbeat for so long that nobody can be taken to lead in it: twice
// the timeout, so that whoever leads after a mere change of the leader is heard first.
func (e *Election) abandoned(now time.Time) bool {
	newest := e.newest()
	return newest == nil || now.Sub(newest.received) >= 2*e.options.HeartbeatTimeout
}

// forget begins a new epoch: nobody has claimed anything. Only the times remain, against repetitions.
func (e *Election) forget() {
	for _, c := range e.nodes {
		*c = claim{latest: c.latest}
	}
}

// own is the configured string equal to name: the caller's may be a piece of a message.
func (e *Election) own(name string) string {
	i, _ := slices.BinarySearch(e.options.Nodes, name)
	return e.options.Nodes[i]
}

// leaders are the claims that stand at now: of the newest term, and heard of within the timeout. Sorted by name.
func (e *Election) leaders(now time.Time) []*claim {
	var standing []*claim
	for _, name := range e.options.Nodes {
		c := e.nodes[name]
		if !c.received.IsZero() && c.Term == e.term && now.Sub(c.received) < e.options.HeartbeatTimeout {
			standing = append(standing, c)
		}
	}
	return standing
}

// settle looks who leads at now, and counts a change if that is one node and it or its term is another than the last
// time one node did. The first leader is no change: who led before nobody knows. Nor is a split, until it ends with
// another leader than it began with; nor a silence, if the same one comes back in the same term.
func (e *Election) settle(now time.Time) []*claim {
	leaders := e.leaders(now)
	s := sight{state: stateNoLeader, term: e.term}
	switch len(leaders) {
	case 0:
	case 1:
		s.state, s.leaders = stateLeader, leaders[0].Node
		e.crown(reign{s.leaders, s.term}, now)
	default:
		s.state, s.leaders = stateSplit, leaders[0].Node+" "+leaders[1].Node
	}
	if s != e.seen {
		e.seen, e.news = s, true
	}
	return leaders
}

// crown notes who leads alone.
func (e *Election) crown(r reign, now time.Time) {
	if e.settled.leader != "" && e.settled != r {
		e.changes++
		e.changed = now
	}
	e.settled = r
}

// unlock unlocks mu, and then logs what is new: a logger may be slow.
func (e *Election) unlock() {
	s, news := e.seen, e.news
	e.news = false
	e.mu.Unlock()
	if !news {
		return
	}
	switch s.state {
	case stateLeader:
		level.Info(e.logger).Log("msg", "Leader or its term changed", "peer", s.leaders)
	case stateSplit:
		level.Warn(e.logger).Log("msg", "More than one node leads in the same term", "peer", s.leaders)
	default:
		level.Warn(e.logger).Log("msg", "No leader: its heartbeats stopped")
	}
}
