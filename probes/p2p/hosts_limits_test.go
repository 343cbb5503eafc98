package p2p

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
)

func TestResourcesAreBounded(t *testing.T) {
	const peers = 2
	m, err := newResources(peers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	where := ma.StringCast("/ip4/192.0.2.1/tcp/4001") // one address: many targets may be behind it
	if _, err := m.OpenConnection(network.DirInbound, true, where); err == nil {
		t.Error("somebody may connect to us")
	}
	var conns []network.ConnManagementScope
	for range 3 * (connsPerPeer*peers + spareConns) {
		if c, err := m.OpenConnection(network.DirOutbound, true, where); err == nil {
			conns = append(conns, c)
		}
	}
	if want := connsPerPeer*peers + spareConns; len(conns) != want {
		t.Errorf("%d connections allowed, want %d", len(conns), want)
	}
	for _, c := range conns {
		c.Done()
	}
	var streams []network.StreamManagementScope
	for range 3 * streamsPerPeer {
		if s, err := m.OpenStream("peer", network.DirInbound); err == nil {
			streams = append(streams, s)
		}
	}
	if len(streams) != streamsPerPeer {
		t.Errorf("%d streams of one peer allowed, want %d", len(streams), streamsPerPeer)
	}
	for _, s := range streams {
		s.Done()
	}
	err = m.ViewSystem(func(s network.ResourceScope) error {
		if err := s.ReserveMemory(memorySpare+peers*memoryPerPeer+1, network.ReservationPriorityAlways); err == nil {
			t.Error("more memory than the bound can be reserved")
		}
		return s.ReserveMemory(memorySpare, network.ReservationPriorityAlways)
	})
	if err != nil {
		t.Errorf("memory within the bound: %v", err)
	}
}

// The bounds must leave room for what they are made for.
func TestPresenceWithManyTargets(t *testing.T) {
	var targets []string
	for range 24 {
		targets = append(targets, startNode(t).target())
	}
	p := startPresence(t, PresenceOptions{Targets: targets, MaxPeers: 1, Ping: PingOptions{Interval: 200 * time.Millisecond}})
	full := func() bool {
		return len(p.A().Responsive()) == 12 && len(p.B().Responsive()) == 12 && len(p.DHT().Responsive()) == 24
	}
	becomes(t, "all legs are connected", full)
	since := p.DHT().ConnectedSince()
	time.Sleep(time.Second)
	if !full() || !p.DHT().ConnectedSince().Equal(since) {
		t.Error("connections do not stay")
	}
}
