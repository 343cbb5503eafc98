package p2p

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Why a message was refused: what TopicPolicy.OnRefused and HeartbeatOptions.OnRefused are told.
const (
	RefusedAuthor    = "unknown_author"  // its author is not allowed on the topic
	RefusedOversize  = "oversize"        // longer than the topic allows
	RefusedMalformed = "malformed"       // not what the topic's messages look like
	RefusedRate      = "rate_limited"    // too many of this author through one neighbour, or too many waiting
	RefusedSignature = "bad_signature"   // forged, tampered with, or not signed
	RefusedMismatch  = "author_mismatch" // its author signed it in the name of another node
	RefusedClock     = "clock_skew"      // sent further from our time than is allowed
	RefusedReplay    = "replayed"        // not newer than what its author sent before
)

// Bounds of what is not the data of a message. A sequence number has 8 bytes; the rest fits RSA keys of 4096 bits.
const (
	maxSeqnoBytes     = 8
	maxSignatureBytes = 1 << 10
	maxKeyBytes       = 1 << 10
)

// TopicPolicy says what a Guard lets through on a topic.
type TopicPolicy struct {
	Authors  []peer.ID // whose messages are heard; nobody else's are
	MaxBytes int       // of a message's data; required
	// PerSecond is how many messages of one author one neighbour may hand us in the long run, and Burst how many at
	// once; default 10 and 20.
	PerSecond float64
	Burst     int
	// OnRefused is told of every message that was not let through, of each copy: who has it not yet is not known here. It
	// is called by pubsub's own loop and by the readers of streams, so it must return at once and must not call pubsub; a
	// flood comes through here. May be nil.
	OnRefused func(reason string)
}

// Guard stands in front of one pubsub instance of ours, which then hears on each topic the authors that it should hear
// and nothing else. It works in pubsub's loop, before anything is queued: a validator alone comes too late, since a
// flood fills the short queue in front of it and drives out what is genuine.
//
// It bounds authors, size and rate on allowed topics, drops messages and subscriptions of all other topics, and strips
// peer exchange, which would let any neighbour choose whom we dial. Signatures are checked by pubsub, after the Guard.
// Message ids stay the default ones, since with others we would ask neighbours again for all that we have; with the
// bounds above they can't grow. Nor is pubsub's message size lowered: one message over it that nodes let pass would
// cost us the stream it comes by.
//
// Use it for pubsub instances that are ours alone. A node of the cluster relays for others and must not be guarded.
type Guard struct {
	mu     sync.Mutex // of Allow and Deny
	topics atomic.Pointer[map[string]*post]
}

// post is what guards one topic.
type post struct {
	policy  TopicPolicy
	authors map[peer.ID]bool
	rates   rates
}

// Allow lets a topic through, from now on by this policy. What neighbours announced of a topic before it was allowed is
// lost until they are connected again: allow topics before the first connection.
func (g *Guard) Allow(topic string, p TopicPolicy) error {
	if topic == "" || p.MaxBytes <= 0 || p.PerSecond < 0 || p.Burst < 0 {
		return fmt.Errorf("allow topic %q: give it a name, a positive size and no negative rate", topic)
	}
	p.PerSecond, p.Burst = cmp.Or(p.PerSecond, 10), cmp.Or(p.Burst, 20)
	if p.OnRefused == nil {
		p.OnRefused = func(string) {}
	}
	s := &post{policy: p, authors: make(map[peer.ID]bool, len(p.Authors)), rates: newRates(p.PerSecond, p.Burst)}
	for _, author := range p.Authors {
		s.authors[author] = true
	}
	g.change(func(topics map[string]*post) { topics[topic] = s })
	return nil
}

// Deny ends what Allow began.
func (g *Guard) Deny(topic string) {
	g.change(func(topics map[string]*post) { delete(topics, topic) })
}

// change replaces the topics: they are read without a lock.
func (g *Guard) change(by func(map[string]*post)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	topics := make(map[string]*post)
	if old := g.topics.Load(); old != nil {
		maps.Copy(topics, *old)
	}
	by(topics)
	g.topics.Store(&topics)
}

// post is what guards a topic; nil if it is not allowed.
func (g *Guard) post(topic string) *post {
	topics := g.topics.Load()
	if topics == nil {
		return nil
	}
	return (*topics)[topic]
}

// Options are what makes a pubsub instance guarded. One Guard serves one instance. Where an instance has an inspector,
// a filter or a tracer of its own, these call Admit and Allowed, and Tracer goes beside its tracer.
func (g *Guard) Options() []pubsub.Option {
	return []pubsub.Option{
		pubsub.WithMessageSignaturePolicy(pubsub.StrictSign),
		pubsub.WithSubscriptionFilter(topicFilter{g}),
		pubsub.WithAppSpecificRpcInspector(g.inspect),
		pubsub.WithRawTracer(g.Tracer()),
	}
}

// Allowed says whether a topic is let through.
func (g *Guard) Allowed(topic string) bool { return g.post(topic) != nil }

// Admit says whether a message that a neighbour handed us is let through, and tells OnRefused if not. It is for pubsub's
// loop: an inspector of RPCs calls it for every message.
func (g *Guard) Admit(hop peer.ID, m *pubsubpb.Message) bool { return g.admit(hop, m, time.Now()) }

// screen is the part of Admit that needs no memory of earlier messages. Any goroutine may call it.
func (g *Guard) screen(m *pubsubpb.Message) bool {
	s := g.post(m.GetTopic())
	if s == nil {
		return false
	}
	reason := s.misfit(m)
	if reason != "" {
		s.policy.OnRefused(reason)
	}
	return reason == ""
}

// refused tells of a message on the topic that was not let through.
func (g *Guard) refused(topic, reason string) {
	if s := g.post(topic); s != nil {
		s.policy.OnRefused(reason)
	}
}

func (g *Guard) admit(hop peer.ID, m *pubsubpb.Message, now time.Time) bool {
	s := g.post(m.GetTopic())
	if s == nil {
		return false
	}
	reason := s.refuse(hop, m, now)
	if reason != "" {
		s.policy.OnRefused(reason)
	}
	return reason == ""
}

// topicFilter lets subscriptions of allowed topics through, our own and those of neighbours.
type topicFilter struct{ *Guard }

// CanSubscribe implements pubsub.SubscriptionFilter.
func (f topicFilter) CanSubscribe(topic string) bool { return f.Allowed(topic) }

// FilterIncomingSubscriptions implements pubsub.SubscriptionFilter. There is no limit to how many a neighbour may
// announce at once: what is not allowed takes no memory, and an honest node may be on many topics.
func (f topicFilter) FilterIncomingSubscriptions(_ peer.ID, subs []*pubsubpb.RPC_SubOpts) ([]*pubsubpb.RPC_SubOpts, error) {
	return pubsub.FilterSubscriptions(subs, f.CanSubscribe), nil
}

// inspect takes out of what a neighbour sent all that is not let through. It never returns an error, which would drop
// the whole RPC, subscriptions included. Pubsub calls it in its loop.
func (g *Guard) inspect(hop peer.ID, rpc *pubsub.RPC) error {
	for _, prune := range rpc.GetControl().GetPrune() {
		prune.Peers = nil
	}
	if len(rpc.Publish) == 0 {
		return nil
	}
	now := time.Now()
	rpc.Publish = slices.DeleteFunc(rpc.Publish, func(m *pubsubpb.Message) bool { return !g.admit(hop, m, now) })
	return nil
}

// refuse says why a message is not let through; empty if it is. Its author is as yet only claimed.
func (s *post) refuse(hop peer.ID, m *pubsubpb.Message, now time.Time) string {
	if reason := s.misfit(m); reason != "" {
		return reason
	}
	if !s.rates.take(hop, peer.ID(m.GetFrom()), now) {
		return RefusedRate
	}
	return ""
}

// misfit says why a message is not let through, however few there are.
func (s *post) misfit(m *pubsubpb.Message) string {
	switch {
	case !s.authors[peer.ID(m.GetFrom())]:
		return RefusedAuthor
	case len(m.GetData()) > s.policy.MaxBytes:
		return RefusedOversize
	case len(m.GetSeqno()) > maxSeqnoBytes || len(m.GetSignature()) > maxSignatureBytes || len(m.GetKey()) > maxKeyBytes:
		return RefusedMalformed
	}
	return ""
}
