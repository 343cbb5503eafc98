package p2p

import (
	"slices"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"chorus/probes"
)

// One message that is larger than our instance takes, and that nodes let pass, costs us nothing but itself.
func TestGossipOversize(t *testing.T) {
	noGossipLeaks(t)
	nodes := gossipCluster(t, 2, true, pubsub.WithMaxMessageSize(4<<20))
	a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
	g := relayedGossip(t, a, b)
	runGossip(t, g, "")
	gossipMust(t, nodes[1].topic.Publish(t.Context(), make([]byte, 2<<20)))
	for range 3 { // by the same stream, so after it
		runGossip(t, g, "")
	}
	if !slices.Contains(nodes[1].ps.ListPeers(DefaultGossipTopic), b.ID()) || a.resets.Load()+b.resets.Load() > 0 {
		t.Error("the node forgot leg B, or a leg was reset")
	}
}

// A node that loses the stream it writes to us forgets our subscription, and we stay connected and deaf. Dialling anew is
// the cure.
func TestGossipDeaf(t *testing.T) {
	noGossipLeaks(t)
	nodes := gossipCluster(t, 2, true)
	a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
	g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = time.Second })
	runGossip(t, g, "")
	heard := g.session.inspector.heard.Load()
	gossipSoon(t, "the node forgets leg B", func() bool {
		for _, s := range gossipWriters(nodes[1], b) {
			_ = s.Reset()
		}
		return !slices.Contains(nodes[1].ps.ListPeers(DefaultGossipTopic), b.ID())
	})
	gossipSoon(t, "the node greets leg B again", func() bool {
		return len(gossipWriters(nodes[1], b)) == 1 && g.session.inspector.heard.Load() > heard
	})
	time.Sleep(2 * gossipBeat) // whatever else was under way
	res := runGossip(t, g, probes.ReasonTimeout)
	if got, _ := res.Details["silent_legs"].([]string); !slices.Equal(got, []string{"gossip-b"}) {
		t.Errorf("silent legs: %v", res.Details["silent_legs"])
	}
	runGossip(t, g, "")
	if b.resets.Load() != 1 || a.resets.Load() != 0 {
		t.Errorf("%d resets of leg B, %d of leg A", b.resets.Load(), a.resets.Load())
	}
}

// gossipWriters are the streams on which a node writes to another.
func gossipWriters(node, to host.Host) (all []network.Stream) {
	for _, c := range node.Network().ConnsToPeer(to.ID()) {
		for _, s := range c.GetStreams() {
			if s.Stat().Direction == network.DirOutbound && slices.Contains(pubsub.GossipSubDefaultProtocols, s.Protocol()) {
				all = append(all, s)
			}
		}
	}
	return all
}
