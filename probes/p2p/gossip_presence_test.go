package p2p

import (
	"context"
	"testing"
	"time"

	"chorus/probes"
)

// The legs that the exporter has: what a run finds silent they dial again, and go on dialling until the node is back.
func TestGossipOnPresence(t *testing.T) {
	noGossipLeaks(t)
	hosts := []*node{startNode(t), startNode(t)}
	nodes := []*gossipNode{gossipNodeOn(t, hosts[0]), gossipNodeOn(t, hosts[1])}
	gossipDial(t, nodes[0], nodes[1])
	for _, n := range nodes {
		n.join(t)
	}
	front := startProxy(t, "127.0.0.1:"+hosts[1].port(t))
	identity, err := NewIdentity()
	gossipMust(t, err)
	presence, err := NewPresence(PresenceOptions{Identity: identity, DialTimeout: time.Second, Targets: []string{
		hosts[0].target(), hosts[1].at(front.addr),
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
	becomes(t, "a pass", passes)
	front.hangs.Store(true)
	runGossip(t, g, probes.ReasonTimeout)
	front.hangs.Store(false)
	for end := time.Now().Add(30 * time.Second); !passes(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not recover")
		}
	}
}
