package p2p

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"chorus/probes"
)

// One message that is larger than our instance takes, and that nodes let pass, costs us nothing but itself.
func TestGossipOversize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// A node that loses the stream it writes to us forgets our subscription, and we stay connected and deaf. Dialling again is
// the cure.
func TestGossipDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = time.Second })
		runGossip(t, g, "")
		heard := g.session.inspector.heard.Load()
		becomes(t, "the node forgets leg B", func() bool {
			for _, s := range gossipWriters(nodes[1], b) {
				_ = s.Reset()
			}
			return !slices.Contains(nodes[1].ps.ListPeers(DefaultGossipTopic), b.ID())
		})
		becomes(t, "the node greets leg B again", func() bool {
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
	})
}

// A node that resets the stream we write to makes our pubsub forget that the node is on the topic, and says so no second
// time. Dialling again is the cure.
func TestGossipForgets(t *testing.T) {
	for _, which := range []string{"gossip-a", "gossip-b"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := gossipCluster(t, 2, true)
				a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
				g := relayedGossip(t, a, b)
				runGossip(t, g, "")
				leg, other, node, side := a, b, nodes[0], g.session.a
				if which == "gossip-b" {
					leg, other, node, side = b, a, nodes[1], g.session.b
				}
				for _, s := range gossipWriters(leg, node) {
					_ = gossipOtherEnd(t, node, leg, s).Reset()
				}
				synctest.Wait()
				if got := len(g.session.topicPeers(side)); got != 0 {
					t.Fatalf("the leg knows %d nodes on the topic: this test proves nothing", got)
				}
				res := runGossip(t, g, probes.ReasonNoTopicPeers)
				if got, _ := res.Details["silent_legs"].([]string); !slices.Equal(got, []string{which}) {
					t.Errorf("silent legs: %v, want %s", got, which)
				}
				runGossip(t, g, "")
				if leg.resets.Load() != 1 || other.resets.Load() != 0 {
					t.Errorf("%d resets of the leg, %d of the other", leg.resets.Load(), other.resets.Load())
				}
			})
		})
	}
}

// Where nobody is on the topic, dialling again does not help, so it becomes seldom.
func TestGossipNobodyOnTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, false)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		g := relayedGossip(t, a, b)
		for run, want := range []int64{1, 2, 2, 3, 3, 3, 3, 4} {
			runGossip(t, g, probes.ReasonNoTopicPeers)
			synctest.Wait()
			if a.resets.Load() != want || b.resets.Load() != want {
				t.Errorf("after run %d leg A was reset %d times and leg B %d, want %d", run+1, a.resets.Load(), b.resets.Load(), want)
			}
		}
	})
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

// gossipOtherEnd is a stream of the peer's as the node has it.
func gossipOtherEnd(t *testing.T, node, other host.Host, s network.Stream) network.Stream {
	t.Helper()
	for _, c := range node.Network().ConnsToPeer(other.ID()) {
		for _, end := range c.GetStreams() {
			if end.Protocol() == s.Protocol() && end.Stat().Direction == network.DirInbound {
				return end
			}
		}
	}
	t.Fatalf("no stream with protocol %s from %s", s.Protocol(), other.ID())
	return nil
}
