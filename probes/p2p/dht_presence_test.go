package p2p

import (
	"context"
	"errors"
	"testing"
	"time"

	kaddht "github.com/libp2p/go-libp2p-kad-dht"

	"chorus/probes/p2p/dht"
	"chorus/probes/p2p/healthrecord"
)

// The probe on the DHT leg of a real presence, beside its replication.
func TestDHTOnAPresence(t *testing.T) {
	nodes := []*node{startNode(t), startNode(t), startNode(t)}
	var targets []string
	for i, n := range nodes {
		kad, err := kaddht.New(n.Host, kaddht.ProtocolPrefix(dht.DefaultProtocolPrefix), kaddht.DisableAutoRefresh(),
			kaddht.Mode(kaddht.ModeServer), kaddht.NamespacedValidator(healthrecord.Namespace, healthrecord.Validator{}))
		must(t, err)
		t.Cleanup(func() { _ = kad.Close() })
		for _, other := range nodes[:i] {
			must(t, n.Connect(t.Context(), other.Peerstore().PeerInfo(other.ID())))
		}
		targets = append(targets, n.target())
	}
	identity, err := NewIdentity()
	must(t, err)
	presence, err := NewPresence(PresenceOptions{Identity: identity, Targets: targets})
	must(t, err)
	d, err := dht.New(dht.Options{Leg: presence.DHT()})
	must(t, err)
	p, err := dht.NewReplication(dht.ReplicationOptions{DHT: d, MinHolders: 3})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- presence.Run(ctx) }()
	go func() { done <- d.Run(ctx) }()
	defer func() {
		cancel()
		must(t, errors.Join(<-done, <-done))
	}()
	becomes(t, "three nodes hold the value", func() bool {
		got, err := d.Probe(t.Context())
		if err != nil || got.Details["held"] != 3 {
			time.Sleep(100 * time.Millisecond)
			return false
		}
		return true
	})
	got, err := p.Probe(t.Context())
	must(t, err)
	if got.Details["fewest_holders"] != 3 || got.Details["under_min_holders"] != 0 {
		t.Errorf("replication says %v", got.Details)
	}
}
