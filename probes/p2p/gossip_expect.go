package p2p

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// gossipExpect is what one run published and what came back of it. Arrivals after the run still count, until the next.
type gossipExpect struct {
	nonce     gossipNonce
	sequence  uint64
	mode      GossipMode    // relayed or answered
	integrity func()        // counts a changed message
	news      chan struct{} // something arrived; holds one token

	admitted map[peer.ID]int // messages let in, by neighbour; used by pubsub's loop alone

	mu      sync.Mutex
	sent    [][]byte // by try
	at      []time.Time
	hops    [gossipTries]map[peer.ID]bool // nodes that handed us a copy
	changed bool                          // one came back changed
	first   *gossipArrival
	answers map[peer.ID]bool
}

// gossipArrival is the first message that proves the run.
type gossipArrival struct {
	try  int
	took time.Duration
	via  peer.ID // the last node it came through
	from peer.ID // who wrote it
}

func newGossipExpect(mode GossipMode, sequence uint64, integrity func()) *gossipExpect {
	e := &gossipExpect{
		mode: mode, sequence: sequence, integrity: integrity,
		news: make(chan struct{}, 1), answers: make(map[peer.ID]bool),
		admitted: make(map[peer.ID]int),
	}
	_, _ = rand.Read(e.nonce[:]) // crypto/rand never returns an error
	return e
}

// names says whether data holds the run's nonce, which nobody could know before we published it.
func (e *gossipExpect) names(data []byte) bool { return bytes.Contains(data, e.nonce[:]) }

// admit counts a message that a neighbour handed us, and says whether it was one of the first.
func (e *gossipExpect) admit(hop peer.ID) bool {
	e.admitted[hop]++
	return e.admitted[hop] <= maxGossipCopies
}

// next makes the message of the next try and expects it from now on.
func (e *gossipExpect) next(wanted int) []byte {
	kind := byte(gossipProbe)
	if e.mode == GossipAnswered {
		kind = gossipPing
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	data := newGossipMessage(kind, byte(len(e.sent)), wanted, e.nonce, e.sequence).encode()
	e.sent, e.at = append(e.sent, data), append(e.at, time.Now())
	return data
}

// relayed takes a message in that leg B received through the node via, author and signature checked. Either it is, byte for
// byte, what was sent, or it was changed.
func (e *gossipExpect) relayed(author, via peer.ID, data []byte, now time.Time) {
	if e.mode != GossipRelayed || !e.names(data) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	try := e.find(data)
	if try < 0 {
		e.corrupt()
		return
	}
	e.hop(try, via)
	e.prove(gossipArrival{try: try, took: now.Sub(e.at[try]), via: via, from: author})
}

// copy counts a further copy of a message, whose signature nobody checks. That is why nodes are counted: one can't make more
// of itself.
func (e *gossipExpect) copy(via peer.ID, data []byte) {
	if e.mode != GossipRelayed || !e.names(data) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if try := e.find(data); try >= 0 {
		e.hop(try, via)
		e.tell()
	}
}

// hop notes who handed a copy on. Callers hold mu.
func (e *gossipExpect) hop(try int, via peer.ID) {
	if e.hops[try] == nil {
		e.hops[try] = make(map[peer.ID]bool)
	}
	e.hops[try][via] = true
}

// answered takes the pong of an exporter in, author and signature checked.
func (e *gossipExpect) answered(author, via peer.ID, m gossipMessage, now time.Time) {
	if e.mode != GossipAnswered || m.nonce != e.nonce {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if int(m.try) >= len(e.sent) || m.sequence != e.sequence || m.body != sha256.Sum256(e.sent[m.try]) {
		e.corrupt()
		return
	}
	e.answers[author] = true
	e.prove(gossipArrival{try: int(m.try), took: now.Sub(e.at[m.try]), via: via, from: author})
}

// find is the try whose message data is, else -1. Callers hold mu.
func (e *gossipExpect) find(data []byte) int {
	return slices.IndexFunc(e.sent, func(sent []byte) bool { return bytes.Equal(sent, data) })
}

// prove keeps the first arrival. Callers hold mu.
func (e *gossipExpect) prove(a gossipArrival) {
	if e.first == nil {
		e.first = &a
	}
	e.tell()
}

// corrupt notes a changed message: once a run, or a relay could count at will. Callers hold mu.
func (e *gossipExpect) corrupt() {
	if !e.changed {
		e.changed = true
		e.integrity()
		e.tell()
	}
}

func (e *gossipExpect) tell() {
	select {
	case e.news <- struct{}{}:
	default:
	}
}

var errGossipChanged = errors.New("a message came back changed")

// verdict is the first arrival, or that something came back changed before it; nil and nil while nothing has come.
func (e *gossipExpect) verdict() (*gossipArrival, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil && e.changed {
		return nil, errGossipChanged
	}
	return e.first, nil
}

// counts are the copies of the message that arrived first, one a node, and the exporters that answered.
func (e *gossipExpect) counts() (copies, answers int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first != nil {
		copies = len(e.hops[e.first.try])
	}
	return copies, len(e.answers)
}
