package p2p

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/probes"
	"chorus/probes/p2p/dht"
)

// Of settings with one that is wrong none is taken; those that were in force stay.
func TestApplyIsAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newGossipTestLeg(t, "gossip-b")
		g, err := NewGossip(GossipOptions{
			B: gossipLegOf{b}, Mode: GossipAnswered, Wait: 4 * time.Second, Answer: GossipAnswer{Exporters: []peer.ID{"x", b.ID()}},
		})
		gossipMust(t, err)
		for name, tt := range map[string]struct {
			err  error
			want string
		}{
			"gossip: no such mode":         {g.Apply(GossipSettings{Mode: "loud", Wait: time.Second}), `mode "loud"`},
			"gossip: a mode without leg A": {g.Apply(GossipSettings{Mode: GossipRelayed}), "needs a publishing leg"},
			"gossip: nobody answers": {
				g.Apply(GossipSettings{Mode: GossipAnswered, Exporters: []peer.ID{b.ID()}}), "exporters other than this one",
			},
			"gossip: negative wait": {g.Check(GossipSettings{GossipAnswered, -1, []peer.ID{"x"}}), "must be positive"},
			"ping: negative":        {PingOptions{Timeout: -1}.Check(), "must be positive"},
			"ping: negative at all": {(&Presence{}).ApplyPing(PingOptions{Interval: -1}), "must be positive"},
		} {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", name, tt.err, tt.want)
			}
		}
		want := gossipSettings{GossipAnswered, 4 * time.Second, []peer.ID{"x"}}
		if diff := cmp.Diff(want, *g.settings.Load(), cmp.AllowUnexported(gossipSettings{})); diff != "" {
			t.Errorf("settings of the gossip probe (-want +got):\n%s", diff)
		}
	})
}

// Exporters that learn of each other answer from then on, without a new session; one that is forgotten is not believed.
func TestGossipApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		gs := answeringGossips(t, 2, nodes, func(o *GossipOptions) {
			o.Answer.Exporters, o.Wait = []peer.ID{"somebody else"}, time.Second
		})
		both := []peer.ID{gs[0].options.B.Host().ID(), gs[1].options.B.Host().ID()}
		time.Sleep(4 * gossipBeat)
		runGossip(t, gs[0], probes.ReasonTimeout)
		for _, g := range gs {
			gossipMust(t, g.Apply(GossipSettings{GossipAnswered, 2 * time.Second, both}))
		}
		if res := runGossip(t, gs[0], ""); res.Details["responders"] != 1 {
			t.Errorf("details %v", res.Details)
		}
		gossipMust(t, gs[1].Apply(GossipSettings{GossipAnswered, 2 * time.Second, []peer.ID{"somebody else"}}))
		gossipMust(t, gs[0].Apply(GossipSettings{GossipAnswered, time.Second, both}))
		began := time.Now()
		runGossip(t, gs[0], probes.ReasonTimeout)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the run took %v, want what it is to wait now", took)
		}
	})
}

// Where messages are no longer relayed nobody can tell how many copies arrive.
func TestGossipApplyMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		g := relayedGossip(t, newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1]))
		time.Sleep(4 * gossipBeat)
		copies := func(want int) {
			t.Helper()
			if n := testutil.CollectAndCount(g, "chorus_pubsub_probe_copies"); n != want {
				t.Errorf("%d gauges of copies, want %d", n, want)
			}
		}
		runGossip(t, g, "")
		copies(1)
		gossipMust(t, g.Apply(GossipSettings{GossipAnswered, time.Second, []peer.ID{"x"}}))
		copies(0)
		if mode := runGossip(t, g, probes.ReasonTimeout).Details["mode"]; mode != "answered" {
			t.Errorf("the run is %v, want answered", mode)
		}
		gossipMust(t, g.Apply(GossipSettings{Mode: GossipRelayed}))
		copies(0)
		runGossip(t, g, "")
		copies(1)
	})
}

// A shorter interval is in force at once, though the next ping was an hour off.
func TestPresenceApplyPing(t *testing.T) {
	n := startNode(t)
	p := startPresence(t, PresenceOptions{
		Targets: []string{n.target()}, Ping: PingOptions{Interval: time.Hour},
	})
	becomes(t, "every leg has pinged", func() bool { return observations(t, p) == 3 })
	if err := p.ApplyPing(PingOptions{Interval: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	becomes(t, "pings follow each other", func() bool { return observations(t, p) >= 12 })
}

// Settings change while runs are under way and metrics are read, for the race detector.
func TestApplyWhileRunning(t *testing.T) {
	noGossipLeaks(t)
	nodes := gossipCluster(t, 2, true)
	gs := answeringGossips(t, 2, nodes)
	d, err := dht.New(dht.Options{Leg: gossipOwner{testHost(t, false, nil)}, PeerWait: 50 * time.Millisecond})
	gossipMust(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	defer func() { cancel(); gossipMust(t, <-ran) }()
	r, err := dht.NewReplication(dht.ReplicationOptions{DHT: d})
	gossipMust(t, err)
	time.Sleep(4 * gossipBeat)
	var all sync.WaitGroup
	stop := make(chan struct{})
	work := func(do func()) {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					do()
				}
			}
		})
	}
	apply := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, g := range gs {
		exporters := g.settings.Load().exporters
		work(func() { apply(g.Apply(GossipSettings{GossipAnswered, 2 * time.Second, exporters})) })
	}
	work(func() { apply(r.Apply([]dht.WatchedKey{{Name: "a", Key: "/app/a"}}, 1)) })
	work(func() { apply(d.ApplyMinHolders(1)) })
	work(func() { testutil.CollectAndCount(r); testutil.CollectAndCount(gs[0]) })
	for range 3 {
		_, _ = gs[0].Probe(t.Context())
		_, _ = r.Probe(t.Context())
	}
	close(stop)
	all.Wait()
}

// gossipOwner is a dht.HostOwner.
type gossipOwner struct{ h host.Host }

func (o gossipOwner) Host() host.Host { return o.h }
