package dht

import (
	"bytes"
	"time"
)

// verdict is what a node holds in our slot.
type verdict int

const (
	verdictSilent  verdict = iota // it did not answer
	verdictAbsent                 // nothing
	verdictHeld                   // our value, byte for byte
	verdictStale                  // an older record of ours: the put did not reach it
	verdictNewer                  // a newer one signed with our key, which we did not write in this run
	verdictCorrupt                // anything else: not signed by us, or older than what it had acknowledged
)

// dhtReply is what came of one node in a round.
type dhtReply struct {
	acked    bool          // it repeated the put's value
	late     bool          // the put ended without an answer in time
	putTook  time.Duration // from the start of all puts to its answer
	getTook  time.Duration // likewise
	verdict  verdict
	sequence uint64 // of the record of ours that it holds
}

// dhtRound is one put and get.
type dhtRound struct {
	connected, servers int // peers, and those that speak the protocol, when the nodes were chosen
	complete           bool
	sequence           uint64
	replies            []dhtReply // of the nodes asked, closest first
}

// count is how many replies are so.
func (r *dhtRound) count(so func(dhtReply) bool) int {
	n := 0
	for _, answer := range r.replies {
		if so(answer) {
			n++
		}
	}
	return n
}

func (r *dhtRound) acked() int   { return r.count(func(a dhtReply) bool { return a.acked }) }
func (r *dhtRound) refused() int { return r.count(dhtReply.refused) }

// absent are those that answered and show nothing of this run, right or wrong: nothing at all, or another record of ours.
// With those that hold the value, are corrupt or silent they are all who were asked.
func (r *dhtRound) absent() int {
	return r.with(verdictAbsent) + r.with(verdictStale) + r.with(verdictNewer)
}

func (r *dhtRound) with(v verdict) int {
	return r.count(func(a dhtReply) bool { return a.verdict == v })
}

// refused says that the node is there and has not taken the put.
func (a dhtReply) refused() bool { return !a.acked && !a.late && a.verdict != verdictSilent }

// putSeconds and getSeconds are how long the slowest node took that answered, 0 if none did.
func (r *dhtRound) putSeconds() float64 {
	return r.slowest(func(a dhtReply) time.Duration { return a.putTook })
}

func (r *dhtRound) getSeconds() float64 {
	return r.slowest(func(a dhtReply) time.Duration { return a.getTook })
}

func (r *dhtRound) slowest(took func(dhtReply) time.Duration) float64 {
	var longest time.Duration
	for _, answer := range r.replies {
		longest = max(longest, took(answer))
	}
	return longest.Seconds()
}

// judge says what got, found in our slot after the put of value, means. A node that kept an older record of ours because
// the put never reached it is behind, not corrupt; one that acknowledged the put and shows the older record is.
func judge(slot *recordSlot, sequence uint64, value, got []byte, found, acked bool) (verdict, uint64) {
	switch {
	case !found:
		return verdictAbsent, 0
	case bytes.Equal(got, value):
		return verdictHeld, sequence
	}
	seen, err := slot.verify(got)
	switch {
	case err != nil:
		return verdictCorrupt, 0
	case seen >= sequence:
		return verdictNewer, seen
	case acked:
		return verdictCorrupt, seen
	}
	return verdictStale, seen
}
