package p2p

import (
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// gossipTrace watches the receiving leg's pubsub: who is in the mesh, and which copies were dropped as duplicates, which
// no subscription shows. Its methods run in pubsub's loop.
type gossipTrace struct {
	silentTracer
	topic     string
	inspector *gossipInspector

	mu   sync.Mutex
	mesh map[peer.ID]bool
}

// meshPeers is how many nodes are in the mesh of the topic.
func (t *gossipTrace) meshPeers() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mesh)
}

// Graft implements pubsub.RawTracer.
func (t *gossipTrace) Graft(p peer.ID, topic string) { t.link(p, topic, true) }

// Prune implements pubsub.RawTracer.
func (t *gossipTrace) Prune(p peer.ID, topic string) { t.link(p, topic, false) }

// OnClosedOutboundStream implements pubsub.RawTracer: a peer that is gone leaves the mesh without a prune.
func (t *gossipTrace) OnClosedOutboundStream(p peer.ID) { t.link(p, t.topic, false) }

func (t *gossipTrace) link(p peer.ID, topic string, in bool) {
	if topic != t.topic {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if in {
		t.mesh[p] = true
	} else {
		delete(t.mesh, p)
	}
}

// DuplicateMessage implements pubsub.RawTracer.
func (t *gossipTrace) DuplicateMessage(m *pubsub.Message) {
	if e := t.inspector.run.Load(); e != nil && m.GetTopic() == t.topic {
		e.copy(m.ReceivedFrom, m.GetData())
	}
}
