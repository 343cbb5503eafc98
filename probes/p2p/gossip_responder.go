package p2p

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	gossipSlot     = 100 * time.Millisecond
	gossipSlots    = 3                    // that a ping lingers for answers
	gossipOneAfter = 2 * time.Millisecond // mean distance of answers in the first slot of a small group
	gossipPending  = 64                   // answers that wait for their slot
	// Pings of one author that are answered, a second and at once: a run sends two.
	gossipPingRate, gossipPingBurst = 1, 6
)

// gossipResponder answers pings of the other exporters. However many exporters there are, a ping gets only a few more
// answers than it wants: each takes a slot by lot (see gossipDelay) and stays silent if enough others came before it.
type gossipResponder struct {
	ctx       context.Context
	self      peer.ID
	exporters func() int // how many may answer, itself included or not: the order of magnitude counts
	publish   func([]byte)
	work      sync.WaitGroup

	mu      sync.Mutex
	pending map[gossipCall]map[peer.ID]bool // who has answered, while our own answer waits
	pings   rates                           // by author
	closed  bool
}

// gossipCall is one try of one ping.
type gossipCall struct {
	nonce gossipNonce
	try   byte
}

func newGossipResponder(ctx context.Context, self peer.ID, exporters func() int, publish func([]byte)) *gossipResponder {
	return &gossipResponder{
		ctx: ctx, self: self, exporters: exporters, publish: publish,
		pending: make(map[gossipCall]map[peer.ID]bool), pings: newRates(gossipPingRate, gossipPingBurst),
	}
}

// ping takes in the ping of an exporter. Signature and author were checked.
func (r *gossipResponder) ping(author peer.ID, m gossipMessage, now time.Time) {
	call := gossipCall{m.nonce, m.try}
	wanted := min(max(int(m.wanted), 1), MaxGossipWanted)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || author == r.self || len(r.pending) >= gossipPending || r.pending[call] != nil {
		return
	}
	if !r.pings.take("", author, now) {
		return
	}
	r.pending[call] = make(map[peer.ID]bool)
	r.work.Go(func() { r.answer(call, m, wanted) })
}

// answer waits for its slot and answers, unless enough others have.
func (r *gossipResponder) answer(call gossipCall, m gossipMessage, wanted int) {
	timer := time.NewTimer(gossipDelay(m.nonce, m.try, r.self, r.exporters(), wanted))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ctx.Done():
	}
	r.mu.Lock()
	enough := len(r.pending[call]) >= wanted
	delete(r.pending, call)
	r.mu.Unlock()
	if !enough && r.ctx.Err() == nil {
		r.publish(m.pong().encode())
	}
}

// pong notes the answer of another exporter. What is kept is bounded by the calls that wait and the exporters there are.
func (r *gossipResponder) pong(author peer.ID, m gossipMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seen := r.pending[gossipCall{m.nonce, m.try}]; seen != nil {
		seen[author] = true
	}
}

// wait returns when no answer waits; its context must be done.
func (r *gossipResponder) wait() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.work.Wait()
}

// gossipDelay is when an exporter of a group answers a ping. Everybody draws a lot, a hash of the ping and the own id. In
// the first slot answer those with a share of twice the answers wanted, in each further one four times as many as before,
// so that the last slot is everybody's: how many of the group are alive need not be known. Within its slot an answer
// comes at random, so that those who come later hear of it and stay silent.
func gossipDelay(nonce gossipNonce, try byte, self peer.ID, group, wanted int) time.Duration {
	sum := sha256.Sum256(slices.Concat(nonce[:], []byte{try}, []byte(self)))
	lot, jitter := unit(sum[:8]), unit(sum[8:16])
	share := 2 * float64(wanted) / float64(max(group, 1))
	slot, width := 0, gossipSlot
	for ; lot >= share; share *= 4 {
		slot++
	}
	if slot == 0 {
		width = min(width, time.Duration(group)*gossipOneAfter)
	}
	return time.Duration(slot)*gossipSlot + time.Duration(jitter*float64(width))
}

// unit is a number from 0 to 1, without 1, of eight random bytes.
func unit(b []byte) float64 { return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53) }
