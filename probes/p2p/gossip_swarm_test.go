package p2p

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"go.uber.org/goleak"

	"chorus/probes"
)

// gossipBeat is the heartbeat of everybody in these tests.
const gossipBeat = 100 * time.Millisecond

func gossipTestParams() GossipParams {
	p := pubsub.DefaultGossipSubParams()
	p.HeartbeatInterval = gossipBeat
	return GossipParams{Router: p}
}

// gossipHost is a host on loopback, or one that dials only.
func gossipHost(t testing.TB, listen bool) host.Host {
	t.Helper()
	return testHost(t, listen, nil)
}

func gossipMust(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func gossipInfo(h host.Host) peer.AddrInfo { return peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()} }

func gossipDial(t testing.TB, from, to host.Host) {
	t.Helper()
	gossipMust(t, from.Connect(t.Context(), gossipInfo(to)))
}

func gossipHangUp(t testing.TB, from, to host.Host) {
	t.Helper()
	gossipMust(t, from.Network().ClosePeer(to.ID()))
}

// gossipNode is a node of the cluster.
type gossipNode struct {
	host.Host
	ps    *pubsub.PubSub
	topic *pubsub.Topic
}

// gossipCluster is n nodes, each connected to every other, on the topic if join says so.
func gossipCluster(t testing.TB, n int, join bool, more ...pubsub.Option) []*gossipNode {
	t.Helper()
	nodes := make([]*gossipNode, n)
	for i := range nodes {
		nodes[i] = newGossipNode(t, more...)
		if join {
			nodes[i].join(t)
		}
		for _, other := range nodes[:i] {
			gossipDial(t, nodes[i], other)
		}
	}
	return nodes
}

func newGossipNode(t testing.TB, more ...pubsub.Option) *gossipNode {
	t.Helper()
	return gossipNodeOn(t, gossipHost(t, true), more...)
}

// gossipNodeOn gives a host a pubsub.
func gossipNodeOn(t testing.TB, h host.Host, more ...pubsub.Option) *gossipNode {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	n := &gossipNode{Host: h}
	t.Cleanup(cancel)
	var err error
	more = append([]pubsub.Option{pubsub.WithGossipSubParams(gossipTestParams().Router)}, more...)
	n.ps, err = pubsub.NewGossipSub(ctx, n.Host, more...)
	gossipMust(t, err)
	return n
}

// join subscribes and reads, as an application does.
func (n *gossipNode) join(t testing.TB) *pubsub.Subscription {
	t.Helper()
	var err error
	n.topic, err = n.ps.Join(DefaultGossipTopic)
	gossipMust(t, err)
	_, err = n.topic.Relay()
	gossipMust(t, err)
	sub, err := n.topic.Subscribe(pubsub.WithBufferSize(1024))
	gossipMust(t, err)
	return sub
}

// gossipTestLeg is a dial-only host with its targets.
type gossipTestLeg struct {
	host.Host
	name    string
	targets []peer.AddrInfo
	resets  atomic.Int64
}

func newGossipTestLeg(t testing.TB, name string, targets ...host.Host) *gossipTestLeg {
	t.Helper()
	l := &gossipTestLeg{Host: gossipHost(t, false), name: name}
	for _, h := range targets {
		l.targets = append(l.targets, gossipInfo(h))
	}
	return l
}

func (l *gossipTestLeg) connect(t testing.TB) {
	t.Helper()
	for _, target := range l.targets {
		gossipMust(t, l.Connect(t.Context(), target))
	}
}

// gossipLegOf makes a gossipTestLeg a GossipLeg, whose method Host would collide with the embedded field.
type gossipLegOf struct{ *gossipTestLeg }

func (l gossipLegOf) Host() host.Host { return l.gossipTestLeg.Host }
func (l gossipLegOf) Name() string    { return l.name }

func (l gossipLegOf) Connected() []peer.ID {
	var ids []peer.ID
	for _, target := range l.targets {
		if l.Network().Connectedness(target.ID) == network.Connected {
			ids = append(ids, target.ID)
		}
	}
	return ids
}

func (l gossipLegOf) ConnectedSince() time.Time {
	var newest time.Time
	for _, id := range l.Connected() {
		for _, c := range l.Network().ConnsToPeer(id) {
			if c.Stat().Opened.After(newest) {
				newest = c.Stat().Opened
			}
		}
	}
	return newest
}

func (l gossipLegOf) Reset(ctx context.Context) error {
	l.resets.Add(1)
	var errs []error
	for _, target := range l.targets {
		errs = append(errs, l.Network().ClosePeer(target.ID))
		l.Network().(*swarm.Swarm).Backoff().Clear(target.ID)
		dial, cancel := context.WithTimeout(ctx, 2*time.Second)
		errs = append(errs, l.Connect(dial, target))
		cancel()
	}
	return errors.Join(errs...)
}

// noGossipLeaks fails the test if it leaves goroutines behind. It comes first in a test, so that it looks last.
func noGossipLeaks(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// startGossip runs g until the test ends.
func startGossip(t testing.TB, g *Gossip, err error) *Gossip {
	t.Helper()
	gossipMust(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	_, err = g.Receiver(t.Context())
	gossipMust(t, err)
	return g
}

// relayedGossip is a running probe with both legs connected.
func relayedGossip(t testing.TB, a, b *gossipTestLeg, change ...func(*GossipOptions)) *Gossip {
	t.Helper()
	a.connect(t)
	b.connect(t)
	o := GossipOptions{A: gossipLegOf{a}, B: gossipLegOf{b}, Wait: 3 * time.Second, Params: gossipTestParams()}
	for _, c := range change {
		c(&o)
	}
	g, err := NewGossip(o)
	return startGossip(t, g, err)
}

// runGossip makes one run, which must end as it should.
func runGossip(t testing.TB, g *Gossip, want probes.Reason) probes.Result {
	t.Helper()
	res, err := g.Probe(t.Context())
	if got := probes.ReasonOf(err); got != want {
		t.Fatalf("reason %q (%v), want %q; details %v", got, err, want, res.Details)
	}
	return res
}
