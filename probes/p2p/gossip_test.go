package p2p

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/probes"
	"chorus/probes/p2p/memnet"
)

func TestGossipRelayed(t *testing.T) {
	for name, n := range map[string]int{"one node for both legs": 1, "three nodes": 3, "five nodes": 5} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := gossipCluster(t, n, true)
				a := newGossipTestLeg(t, "gossip-a", nodes[0])
				b := newGossipTestLeg(t, "gossip-b", nodes[n/2])
				if n == 5 {
					a.targets, b.targets = append(a.targets, gossipInfo(nodes[1])), append(b.targets, gossipInfo(nodes[3]))
				}
				for i, id := range gossipIDs(b.targets) { // nodes 5ms away from leg B
					at := slices.IndexFunc(nodes, func(n *gossipNode) bool { return n.ID() == id })
					var proxy *memnet.Proxy
					b.targets[i], proxy = behindProxy(t, nodes[at])
					proxy.Delay = 5 * time.Millisecond
				}
				g := relayedGossip(t, a, b)
				for range 20 {
					res := runGossip(t, g, "")
					if res.Details["mode"] != "relayed" || res.Details["topic_peers"] != len(slices.Compact(
						slices.Sorted(slices.Values(append(gossipIDs(a.targets), gossipIDs(b.targets)...))))) {
						t.Errorf("details %v", res.Details)
					}
					if !slices.Contains(gossipIDs(b.targets), gossipDecode(t, res.Details["last_hop"])) {
						t.Errorf("last hop %v is not a node of leg B", res.Details["last_hop"])
					}
					if took := res.Details["oneway_seconds"]; took != 0.005 {
						t.Errorf("took %vs, want 5ms", took)
					}
				}
				if got := runGossip(t, g, "").Details["copies"]; got != len(b.targets) {
					t.Errorf("%v copies through %d nodes", got, len(b.targets))
				}
				if a.resets.Load()+b.resets.Load() > 0 {
					t.Error("a leg was reset")
				}
			})
		})
	}
}

func gossipIDs(infos []peer.AddrInfo) (all []peer.ID) {
	for _, i := range infos {
		all = append(all, i.ID)
	}
	return all
}

func gossipDecode(t *testing.T, text any) peer.ID {
	t.Helper()
	id, err := peer.Decode(text.(string))
	gossipMust(t, err)
	return id
}

// What a naive probe sees: a lone pubsub hands its publisher its own message.
func TestGossipSelfEchoIsNoWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lone := newGossipNode(t)
		sub := lone.join(t)
		gossipMust(t, lone.topic.Publish(t.Context(), []byte("hello")))
		m, err := sub.Next(t.Context())
		gossipMust(t, err)
		if string(m.Data) != "hello" || m.GetFrom() != lone.ID() {
			t.Fatalf("got %q of %s: the naive probe does not pass, so this test proves nothing", m.Data, m.GetFrom())
		}

		alone := relayedGossip(t, newGossipTestLeg(t, "gossip-a"), newGossipTestLeg(t, "gossip-b"))
		runGossip(t, alone, probes.ReasonNoPeers)

		// Two legs that meet deliver to one another, and are alone all the same.
		b := newGossipTestLeg(t, "gossip-b")
		b.Host = gossipHost(t, true)
		a := newGossipTestLeg(t, "gossip-a", b)
		b.targets = []peer.AddrInfo{gossipInfo(a)}
		met := relayedGossip(t, a, b)
		runGossip(t, met, probes.ReasonNoPeers)
	})
}

// Legs that meet beside the cluster: what comes straight does not count, what was relayed does.
func TestGossipLegsThatMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		b := newGossipTestLeg(t, "gossip-b", nodes[1])
		b.Host = gossipHost(t, true)
		a := newGossipTestLeg(t, "gossip-a", nodes[0])
		g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = time.Second })
		gossipDial(t, a, b)
		for range 5 {
			if hop := gossipDecode(t, runGossip(t, g, "").Details["last_hop"]); hop != nodes[1].ID() {
				t.Errorf("last hop %s", hop)
			}
		}
		gossipHangUp(t, nodes[0], nodes[1])
		runGossip(t, g, probes.ReasonTimeout)
	})
}

func TestGossipNobodyToAsk(t *testing.T) {
	for name, c := range map[string]struct {
		joined bool
		cut    func(t *testing.T, a, b *gossipTestLeg, nodes []*gossipNode)
		reason probes.Reason
	}{
		"cluster not on the topic": {reason: probes.ReasonNoTopicPeers},
		"B connected to nobody": {
			joined: true, reason: probes.ReasonNoPeers,
			cut: func(t *testing.T, _, b *gossipTestLeg, nodes []*gossipNode) { gossipHangUp(t, b, nodes[1]) },
		},
		"A connected to nobody": {
			joined: true, reason: probes.ReasonNoPeers,
			cut: func(t *testing.T, a, _ *gossipTestLeg, nodes []*gossipNode) { gossipHangUp(t, a, nodes[0]) },
		},
		"all nodes gone": {
			joined: true, reason: probes.ReasonNoPeers,
			cut: func(t *testing.T, _, _ *gossipTestLeg, nodes []*gossipNode) {
				for _, n := range nodes {
					gossipMust(t, n.Close())
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := gossipCluster(t, 2, c.joined)
				a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
				g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = time.Minute })
				time.Sleep(4 * gossipBeat)
				if c.cut != nil {
					runGossip(t, g, "")
					c.cut(t, a, b, nodes)
					becomes(t, "the legs notice", func() bool {
						return len(gossipLegOf{a}.Connected()) == 0 || len(gossipLegOf{b}.Connected()) == 0
					})
				}
				start := time.Now()
				runGossip(t, g, c.reason)
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("took %v though there was nobody to ask", took)
				}
			})
		})
	}
}

func TestGossipPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 4, true)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0], nodes[1]), newGossipTestLeg(t, "gossip-b", nodes[2], nodes[3])
		g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = 1500 * time.Millisecond })
		runGossip(t, g, "")
		for _, x := range nodes[:2] {
			for _, y := range nodes[2:] {
				gossipHangUp(t, x, y)
			}
		}
		start := time.Now()
		runGossip(t, g, probes.ReasonTimeout)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("failed after %v, the wait is 1.5s", took)
		}
		if a.resets.Load() != 0 {
			t.Error("leg A was reset though its nodes answer")
		}
		gossipDial(t, nodes[0], nodes[2])
		becomes(t, "the probe passes again", func() bool { _, err := g.Probe(t.Context()); return err == nil })
	})
}

// A hung cluster keeps its TCP connections: nothing but the missing message tells.
func TestGossipFrozen(t *testing.T) {
	for _, which := range []string{"gossip-a", "gossip-b"} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := gossipCluster(t, 2, true)
				a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
				hung, other := a, b
				if which == "gossip-b" {
					hung, other = b, a
				}
				target, proxy := behindProxy(t, map[*gossipTestLeg]*gossipNode{a: nodes[0], b: nodes[1]}[hung])
				hung.targets = []peer.AddrInfo{target}
				g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = 1500 * time.Millisecond })
				runGossip(t, g, "")

				proxy.Frozen.Store(true)
				start := time.Now()
				res := runGossip(t, g, probes.ReasonTimeout)
				if took := time.Since(start); took < 1400*time.Millisecond || took > 6*time.Second {
					t.Errorf("failed after %v, the wait is 1.5s", took)
				}
				if got, _ := res.Details["silent_legs"].([]string); !slices.Equal(got, []string{which}) {
					t.Errorf("silent legs: %v, want %s", res.Details["silent_legs"], which)
				}
				proxy.Frozen.Store(false)
				becomes(t, "the leg is reset", func() bool { return hung.resets.Load() == 1 })
				if other.resets.Load() != 0 {
					t.Errorf("leg %s was reset", other.name)
				}
				becomes(t, "the probe passes again", func() bool {
					if len(gossipLegOf{hung}.Connected()) == 0 { // a real leg goes on dialling
						_ = hung.Connect(t.Context(), target)
					}
					_, err := g.Probe(t.Context())
					return err == nil
				})
			})
		})
	}
}

// A run that somebody cancels says nothing of the legs.
func TestGossipCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 1, true)
		more := gossipCluster(t, 1, true)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", more[0])
		g := relayedGossip(t, a, b)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		if _, err := g.Probe(ctx); probes.ReasonOf(err) != probes.ReasonCanceled {
			t.Errorf("error %v", err)
		}
		if a.resets.Load()+b.resets.Load() != 0 {
			t.Error("a leg was reset")
		}
	})
}

func TestGossipWarmingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		g := relayedGossip(t, a, b, func(o *GossipOptions) {
			o.Wait = 300 * time.Millisecond
			o.Params.Router.HeartbeatInterval = 400 * time.Millisecond
		})
		runGossip(t, g, probes.ReasonWarmingUp)
		if e := g.session.inspector.run.Load(); e != nil {
			t.Error("it published before the mesh was there")
		}
		becomes(t, "the mesh is there", func() bool { _, err := g.Probe(t.Context()); return err == nil })
	})
}

func TestGossipBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, err := NewGossip(GossipOptions{
			A: gossipLegOf{newGossipTestLeg(t, "gossip-a")}, B: gossipLegOf{newGossipTestLeg(t, "gossip-b")},
		})
		gossipMust(t, err)
		if _, err := g.Probe(t.Context()); err == nil || probes.ReasonOf(err) != probes.ReasonError {
			t.Errorf("error %v", err)
		}
	})
}

// Run may be called again, also on the same hosts.
func TestGossipRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		a.connect(t)
		b.connect(t)
		g, err := NewGossip(GossipOptions{A: gossipLegOf{a}, B: gossipLegOf{b}, Wait: 3 * time.Second, Params: gossipTestParams()})
		gossipMust(t, err)
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- g.Run(ctx) }()
			_, err := g.Receiver(t.Context())
			gossipMust(t, err)
			if err := g.Run(ctx); err == nil {
				t.Error("Run runs twice at once")
			}
			for _, leg := range []*gossipTestLeg{a, b} {
				gossipMust(t, gossipLegOf{leg}.Reset(t.Context()))
			}
			becomes(t, "a pass", func() bool { _, err := g.Probe(t.Context()); return err == nil })
			cancel()
			gossipMust(t, <-done)
			if _, err := g.Probe(t.Context()); probes.ReasonOf(err) != probes.ReasonError {
				t.Errorf("after Run has ended: %v", err)
			}
		}
	})
}

// A program in the cluster publishes with what it has.
func TestGossipOn(t *testing.T) {
	for _, joined := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			nodes := gossipCluster(t, 3, true)
			own := newGossipNode(t)
			gossipDial(t, own, nodes[0])
			p := GossipPublisher{Host: own.Host, PubSub: own.ps}
			if joined {
				own.join(t)
				p.Topic = own.topic
			}
			b := newGossipTestLeg(t, "gossip-b", nodes[2])
			b.connect(t)
			g, err := NewGossipOn(p, GossipOptions{B: gossipLegOf{b}, Wait: 3 * time.Second, Params: gossipTestParams()})
			startGossip(t, g, err)
			becomes(t, "a pass", func() bool { _, err := g.Probe(t.Context()); return err == nil })
			if got := testutil.CollectAndCount(g, "chorus_pubsub_probe_oneway_seconds"); got != 1 {
				t.Errorf("%d histograms", got)
			}
			gossipHangUp(t, own, nodes[0])
			runGossip(t, g, probes.ReasonNoPeers)
		})
	}
}

// Signatures are off in some clusters; then the content alone is the witness.
func TestGossipWithoutSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := pubsub.StrictNoSign
		params := gossipTestParams()
		params.Policy = &policy
		gossipMust(t, params.complete())
		nodes := gossipCluster(t, 2, true, pubsub.WithMessageSignaturePolicy(policy), pubsub.WithMessageIdFn(params.MessageID))
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Params = params })
		runGossip(t, g, "")
	})
}

func BenchmarkGossipRun(b *testing.B) {
	nodes := gossipCluster(b, 3, true)
	g := relayedGossip(b, newGossipTestLeg(b, "gossip-a", nodes[0]), newGossipTestLeg(b, "gossip-b", nodes[1]))
	runGossip(b, g, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Probe(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
