package p2p

import (
	"slices"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Bounds of what passes the inspector.
const (
	maxGossipData   = 1024 // bytes; more than ours have, to see changed ones
	maxGossipCopies = 8    // of one run from one neighbour: each may cost a signature check
	// Pings and pongs of one exporter that one neighbour may hand us, a second and at once.
	gossipRate, gossipBurst = 10, 20
)

// gossipInspector stands in front of an instance. It throws out of incoming RPCs what nobody waits for, before it can fill
// queues, caches and signature checks.
type gossipInspector struct {
	topic     string
	self      peer.ID // the receiving leg
	publisher peer.ID // the publishing host
	author    peer.ID // of its messages
	signed    bool
	exporter  func(peer.ID) bool // says who is one; nil: nobody
	guard     *Guard             // of other topics; may be nil
	rates     rates              // of exporters; used by pubsub's loop alone

	heard atomic.Uint64                // RPCs received, empty ones too
	run   atomic.Pointer[gossipExpect] // nil between runs
}

// CanSubscribe implements pubsub.SubscriptionFilter.
func (in *gossipInspector) CanSubscribe(topic string) bool {
	return topic == in.topic || in.guard != nil && in.guard.Allowed(topic)
}

// FilterIncomingSubscriptions implements pubsub.SubscriptionFilter. Their number has no limit: whoever is over one is not
// heard at all, and an honest node may be on many topics.
func (in *gossipInspector) FilterIncomingSubscriptions(_ peer.ID, subs []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	return pubsub.FilterSubscriptions(subs, in.CanSubscribe), nil
}

// screen implements screen: what needs no memory of earlier messages is asked before anything is decoded.
func (in *gossipInspector) screen(from peer.ID, m *pb.Message) bool {
	if in.guard != nil && m.GetTopic() != in.topic {
		return in.guard.screen(m)
	}
	if m.GetTopic() != in.topic || oversize(m) {
		return false
	}
	author := peer.ID(m.GetFrom())
	if author == in.author || !in.signed {
		e := in.run.Load()
		return from != in.publisher && e != nil && e.names(m.GetData())
	}
	return author != in.self && in.isExporter(author)
}

// surplus implements screen.
func (in *gossipInspector) surplus(topic string) {
	if in.guard != nil && topic != in.topic {
		in.guard.refused(topic, RefusedRate)
	}
}

// empty implements screen: who sends us nothing of use is not silent.
func (in *gossipInspector) empty() { in.heard.Add(1) }

// inspect never returns an error: that would drop the whole RPC, subscriptions included. pubsub calls it in its loop.
func (in *gossipInspector) inspect(from peer.ID, rpc *pubsub.RPC) error {
	in.heard.Add(1)
	now := time.Now()
	rpc.Publish = slices.DeleteFunc(rpc.Publish, func(m *pb.Message) bool { return !in.wanted(from, m, now) })
	for _, prune := range rpc.GetControl().GetPrune() {
		prune.Peers = nil // peer exchange: an offer to dial whom the sender likes
	}
	return nil
}

// wanted says whether m may go on to the signature check.
func (in *gossipInspector) wanted(from peer.ID, m *pb.Message, now time.Time) bool {
	if in.guard != nil && m.GetTopic() != in.topic {
		return in.guard.Admit(from, m)
	}
	if m.GetTopic() != in.topic || oversize(m) {
		return false
	}
	author := peer.ID(m.GetFrom())
	if author == in.author || !in.signed {
		// Straight from the publishing leg it proves nothing, and would make the relayed copy a duplicate.
		e := in.run.Load()
		return from != in.publisher && e != nil && e.names(m.GetData()) && e.admit(from)
	}
	h, ok := parseGossip(m.GetData())
	return ok && h.kind != gossipProbe && author != in.self && in.isExporter(author) && in.rates.take(from, author, now)
}

func (in *gossipInspector) isExporter(id peer.ID) bool { return in.exporter != nil && in.exporter(id) }

// oversize says whether a part of m is larger than it ever is in a message of the probe's.
func oversize(m *pb.Message) bool {
	return len(m.GetSeqno()) > maxSeqnoBytes || len(m.GetSignature()) > maxSignatureBytes ||
		len(m.GetKey()) > maxKeyBytes || len(m.GetFrom()) > maxGossipID || len(m.GetData()) > maxGossipData
}
