package p2p

import (
	"context"
	"testing"
	"time"

	"chorus/probes"
)

// The legs that the exporter has: what a run finds silent they dial anew, and go on dialling until the node is back.
func TestGossipOnPresence(t *testing.T) {
	noGossipLeaks(t)
	nodes := gossipCluster(t, 2, true)
	front, proxy := behindProxy(t, nodes[1])
	identity, err := NewIdentity()
	gossipMust(t, err)
	presence, err := NewPresence(PresenceOptions{Identity: identity, DialTimeout: time.Second, Targets: []string{
		nodes[0].Addrs()[0].String() + "/p2p/" + nodes[0].ID().String(),
		front.Addrs[0].String() + "/p2p/" + front.ID.String(),
	}})
	gossipMust(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- presence.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	g, err := NewGossip(GossipOptions{A: presence.A(), B: presence.B(), Wait: 1500 * time.Millisecond, Params: gossipTestParams()})
	startGossip(t, g, err)
	passes := func() bool { _, err := g.Probe(t.Context()); return err == nil }
	gossipSoon(t, "a pass", passes)
	proxy.frozen.Store(true)
	runGossip(t, g, probes.ReasonTimeout)
	proxy.frozen.Store(false)
	for end := time.Now().Add(30 * time.Second); !passes(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not recover")
		}
	}
}
