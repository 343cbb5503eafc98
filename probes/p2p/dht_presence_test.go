package p2p

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
)

// The probe on the DHT leg of a real presence, beside its replication.
func TestDHTOnAPresence(t *testing.T) {
	kadNoLeaks(t)
	nodes := []*node{startNode(t), startNode(t), startNode(t)}
	kadSwarmOn(t, []host.Host{nodes[0], nodes[1], nodes[2]})
	identity, err := NewIdentity()
	kadMust(t, err)
	var targets []string
	for _, n := range nodes {
		targets = append(targets, n.target())
	}
	presence, err := NewPresence(PresenceOptions{Identity: identity, Targets: targets})
	kadMust(t, err)
	d, err := NewDHT(DHTOptions{Leg: presence.DHT()})
	kadMust(t, err)
	p, err := NewReplication(ReplicationOptions{DHT: d, MinHolders: 3})
	kadMust(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- presence.Run(ctx) }()
	go func() { done <- d.Run(ctx) }()
	defer func() {
		cancel()
		kadMust(t, errors.Join(<-done, <-done))
	}()
	kadAttached(t, d)
	var got map[string]any
	for range 50 { // the first runs may come before all targets are connected
		if got, err = kadDetails(t, d); err == nil && got["held"] == 3 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	kadMust(t, err)
	wantKadDetails(t, got, map[string]any{"asked": 3, "held": 3})
	got, err = kadDetails(t, p)
	kadMust(t, err)
	wantKadDetails(t, got, map[string]any{"fewest_holders": 3, "under_min_holders": 0})
}
