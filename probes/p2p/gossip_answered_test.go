package p2p

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/probes"
)

// answeringGossips are n exporters with a leg B each, attached to nodes in turn.
func answeringGossips(t *testing.T, n int, nodes []*gossipNode, change ...func(*GossipOptions)) []*Gossip {
	t.Helper()
	var exporters []peer.ID
	legs := make([]*gossipTestLeg, n)
	for i := range legs {
		legs[i] = newGossipTestLeg(t, fmt.Sprint("gossip-b", i), nodes[i%len(nodes)])
		legs[i].connect(t)
		exporters = append(exporters, legs[i].ID())
	}
	gs := make([]*Gossip, n)
	for i, leg := range legs {
		o := GossipOptions{
			B: gossipLegOf{leg}, Mode: GossipAnswered, Wait: 2 * time.Second,
			Answer: GossipAnswer{Exporters: exporters}, Params: gossipTestParams(),
		}
		for _, c := range change {
			c(&o)
		}
		g, err := NewGossip(o)
		gs[i] = startGossip(t, g, err)
	}
	return gs
}

func TestGossipAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 3, true)
		gs := answeringGossips(t, 3, nodes)
		time.Sleep(4 * gossipBeat)
		for _, g := range gs {
			res := runGossip(t, g, "")
			if res.Details["mode"] != "answered" || res.Details["responders"] != 2 {
				t.Errorf("details %v", res.Details)
			}
			if got := testutil.CollectAndCount(g, "chorus_pubsub_probe_responders"); got != 1 {
				t.Errorf("%d gauges of responders", got)
			}
		}
	})
}

// Our own pong never counts, nor does one of an exporter that is not on the list, nor one that nobody signed for this ping.
func TestGossipAnsweredByNobody(t *testing.T) {
	for name, change := range map[string]func(*GossipOptions){
		"all are silent": func(o *GossipOptions) { o.Answer.Silent = true },
		"others do not know": func(o *GossipOptions) {
			if o.B.Name() != "gossip-b0" {
				o.Answer.Exporters = []peer.ID{"somebody else"}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nodes := gossipCluster(t, 1, true)
				gs := answeringGossips(t, 2, nodes, change, func(o *GossipOptions) { o.Wait = time.Second })
				res := runGossip(t, gs[0], probes.ReasonTimeout)
				if res.Details["responders"] != 0 {
					t.Errorf("details %v", res.Details)
				}
			})
		})
	}
}

// Without nodes there is nobody to ask, though one's own message comes back at once.
func TestGossipAnsweredNobodyToAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 1, false)
		gs := answeringGossips(t, 2, nodes)
		runGossip(t, gs[0], probes.ReasonNoTopicPeers)
		gossipMust(t, nodes[0].Close())
		becomes(t, "the leg notices", func() bool { return len(gs[1].options.B.Connected()) == 0 })
		runGossip(t, gs[1], probes.ReasonNoPeers)
	})
}

// Auto is relayed where it can be, else answered.
func TestGossipAuto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, false)
		nodes[1].join(t)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		// One other exporter. Of two, one answers and the other is silent then, and the answer of one whom we do not know
		// does not count.
		other := answeringGossips(t, 1, nodes[1:], func(o *GossipOptions) {
			o.Answer.Exporters = append(slices.Clone(o.Answer.Exporters), b.ID())
		})[0]
		friends := []peer.ID{other.options.B.Host().ID(), b.ID()}
		g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Answer.Exporters = friends })
		time.Sleep(4 * gossipBeat)
		if mode := runGossip(t, g, "").Details["mode"]; mode != "answered" {
			t.Errorf("mode %v, though no node of leg A is on the topic", mode)
		}
		nodes[0].join(t)
		becomes(t, "the node is on the topic", func() bool { return len(g.session.topicPeers(g.session.a)) == 1 })
		if mode := runGossip(t, g, "").Details["mode"]; mode != "relayed" {
			t.Errorf("mode %v, though both legs have nodes on the topic", mode)
		}
	})
}

func TestGossipExpectPong(t *testing.T) {
	failures := 0
	e := newGossipExpect(GossipAnswered, 5, func() { failures++ })
	ping, ok := parseGossip(e.next(3))
	if !ok {
		t.Fatal("our ping can't be read")
	}
	stale, late, bent := ping.pong(), ping.pong(), ping.pong()
	stale.nonce[0] ^= 1
	e.answered("x", "hop", stale, time.Now())
	if first, err := e.verdict(); first != nil || err != nil {
		t.Errorf("the pong of another ping: %v, %v", first, err)
	}
	e.answered("x", "hop", ping.pong(), time.Now())
	e.answered("x", "hop", ping.pong(), time.Now())
	e.answered("y", "hop", ping.pong(), time.Now())
	if _, answers := e.counts(); answers != 2 {
		t.Errorf("%d responders of two", answers)
	}
	late.try = 1
	bent.body[0] ^= 1
	e.answered("z", "hop", late, time.Now())
	e.answered("z", "hop", bent, time.Now())
	if _, answers := e.counts(); answers != 2 || failures != 1 {
		t.Errorf("%d responders, %d failures", answers, failures)
	}
}

// However many exporters there are, and however few of them live, a ping gets answers, and only a few more than it wants.
func TestGossipAnswersStayBounded(t *testing.T) {
	const latency, wanted, pings = 30 * time.Millisecond, 3, 200
	for _, c := range []struct{ group, alive int }{
		{1, 1}, {3, 2}, {10, 9}, {100, 99}, {100, 1}, {1000, 999}, {1000, 30}, {1000, 1}, {10_000, 10_000},
	} {
		t.Run(fmt.Sprintf("%d of %d live", c.alive, c.group), func(t *testing.T) {
			sum, most := 0, 0
			for n := range pings { // a nonce is hashed, so these are as good as random ones, and always the same
				var nonce gossipNonce
				binary.BigEndian.PutUint64(nonce[:], uint64(n))
				var at []time.Duration
				for i := range c.alive {
					at = append(at, gossipDelay(nonce, 0, peer.ID(fmt.Sprint(i)), c.group, wanted))
				}
				slices.Sort(at)
				if at[0] > 10*gossipSlot {
					t.Fatalf("first answer after %v", at[0])
				}
				n := len(at)
				if n > wanted { // all that come later than one latency after the last wanted one stay silent
					n, _ = slices.BinarySearch(at, at[wanted-1]+latency)
				}
				sum, most = sum+n, max(most, n)
			}
			t.Logf("%.1f answers on average, %d at most", float64(sum)/pings, most)
			if mean := float64(sum) / pings; mean > 4*wanted || most > 12*wanted {
				t.Errorf("%.1f answers on average, %d at most, wanted %d", mean, most, wanted)
			}
			if sum < pings*min(wanted, c.alive) {
				t.Errorf("%d answers to %d pings", sum, pings)
			}
		})
	}
}

func TestGossipResponder(t *testing.T) {
	ping := func(n byte) gossipMessage { return newGossipMessage(gossipPing, 0, 1, gossipNonce{n}, 1) }
	for name, c := range map[string]struct {
		exporters int
		do        func(r *gossipResponder)
		want      int
	}{
		"a ping":                   {1, func(r *gossipResponder) { r.ping("x", ping(1), time.Now()) }, 1},
		"the same ping twice":      {1, func(r *gossipResponder) { r.ping("x", ping(1), time.Now()); r.ping("y", ping(1), time.Now()) }, 1},
		"our own ping":             {1, func(r *gossipResponder) { r.ping("self", ping(1), time.Now()) }, 0},
		"somebody was faster":      {1, func(r *gossipResponder) { r.ping("x", ping(1), time.Now()); r.pong("y", ping(1).pong()) }, 0},
		"answer to something else": {1, func(r *gossipResponder) { r.ping("x", ping(1), time.Now()); r.pong("y", ping(2).pong()) }, 1},
		"one author, many pings": {1, func(r *gossipResponder) {
			for i := range 50 {
				r.ping("x", ping(byte(i)), time.Now())
			}
		}, gossipPingBurst},
		"many authors": {1, func(r *gossipResponder) {
			for i := range 200 {
				r.ping(peer.ID(fmt.Sprint(i)), ping(byte(i)), time.Now())
			}
		}, gossipPending},
		"after the end": {1, func(r *gossipResponder) { r.wait(); r.ping("x", ping(1), time.Now()) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				got := 0
				ctx, cancel := context.WithCancel(t.Context())
				r := newGossipResponder(ctx, "self", func() int { return c.exporters }, func(data []byte) {
					mu.Lock()
					defer mu.Unlock()
					if m, ok := parseGossip(data); ok && m.kind == gossipPong {
						got++
					}
				})
				c.do(r)
				time.Sleep(10 * gossipSlot)
				cancel()
				r.wait()
				if got != c.want {
					t.Errorf("%d answers, want %d", got, c.want)
				}
				if len(r.pending) != 0 {
					t.Errorf("%d calls are still pending", len(r.pending))
				}
			})
		})
	}
}
