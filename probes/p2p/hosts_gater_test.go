package p2p

import (
	"context"
	"testing"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestGater(t *testing.T) {
	identity, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	ids := identity.PeerIDs()
	target, listed, own := ids[0], ids[1], ids[2]
	stranger := peer.ID("stranger")
	const (
		home    = "/ip4/192.0.2.1/tcp/4001"
		inside  = "/ip4/10.1.2.3/tcp/4001"
		outside = "/ip4/203.0.113.9/tcp/4001"
		unknown = "/dns4/x.example/tcp/1"
	)
	for name, c := range map[string]struct {
		peers, nets []string
		allowed     map[peer.ID][]string
	}{
		"targets only":        {nil, nil, map[peer.ID][]string{target: {home}}},
		"with networks":       {nil, []string{"10.0.0.0/8"}, map[peer.ID][]string{target: {home, inside}, listed: {inside}, stranger: {inside}}},
		"with peers":          {[]string{listed.String()}, nil, map[peer.ID][]string{target: {home}, listed: {home, inside, outside}}},
		"with both":           {[]string{listed.String()}, []string{"10.0.0.0/8"}, map[peer.ID][]string{target: {home, inside}, listed: {inside}}},
		"own id on the lists": {[]string{own.String()}, []string{"0.0.0.0/0"}, map[peer.ID][]string{target: {home, inside, outside}}},
	} {
		t.Run(name, func(t *testing.T) {
			allow, err := parseAllowList(c.peers, c.nets)
			if err != nil {
				t.Fatal(err)
			}
			refused := 0
			g := newGater([]Target{{ID: target}}, []peer.ID{own}, allow, func() { refused++ })
			if name == "targets only" && g.InterceptAddrDial(target, ma.StringCast(home)) {
				t.Error("a target may be dialled before its addresses are known")
			}
			g.setAddrs(target, []ma.Multiaddr{ma.StringCast(home)})
			for _, id := range []peer.ID{target, listed, own, stranger} {
				want := make(map[string]bool)
				for _, addr := range c.allowed[id] {
					want[addr] = true
				}
				if got := g.InterceptPeerDial(id); got != (len(want) > 0) {
					t.Errorf("dial of %s allowed: %v", id, got)
				}
				if got := g.InterceptSecured(network.DirOutbound, id, nil); got != (len(want) > 0) {
					t.Errorf("connection to %s allowed: %v", id, got)
				}
				if g.InterceptSecured(network.DirInbound, id, nil) {
					t.Errorf("connection from %s allowed", id)
				}
				for _, addr := range []string{home, inside, outside, unknown} {
					before := refused
					got := g.InterceptAddrDial(id, ma.StringCast(addr))
					anywhere := want[outside] && len(c.nets) == 0 // a name is no place in a network
					if got != (want[addr] || addr == unknown && anywhere) {
						t.Errorf("dial of %s at %s allowed: %v", id, addr, got)
					}
					if got == (refused > before) {
						t.Errorf("dial of %s at %s allowed: %v, counted: %v", id, addr, got, refused-before)
					}
				}
			}
		})
	}
}

// A lookup is told of a node that is not on our lists.
func TestLookupDialsAllowedPeersOnly(t *testing.T) {
	const prefix = "/gater-test"
	server := func(n *node) *dht.IpfsDHT {
		d, err := dht.New(n, dht.Mode(dht.ModeServer), dht.ProtocolPrefix(prefix), dht.DisableAutoRefresh())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	known, told := startNode(t), startNode(t)
	teller := server(known)
	server(told)
	if err := known.Connect(t.Context(), peer.AddrInfo{ID: told.ID(), Addrs: told.Addrs()}); err != nil {
		t.Fatal(err)
	}
	becomes(t, "the node knows the other", func() bool { return teller.RoutingTable().Size() == 1 })

	lookup := func(o PresenceOptions) (connected bool, refused float64) {
		o.Targets = []string{known.target()}
		p := startPresence(t, o)
		h := p.DHT().Host()
		client, err := dht.New(h, dht.Mode(dht.ModeClient), dht.ProtocolPrefix(prefix), dht.DisableAutoRefresh())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		becomes(t, "the leg knows the node", func() bool { return client.RoutingTable().Size() == 1 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _ = client.GetClosestPeers(ctx, "key")
		return h.Network().Connectedness(told.ID()) == network.Connected, testutil.ToFloat64(p.refused.WithLabelValues(DHT))
	}
	if connected, refused := lookup(PresenceOptions{}); connected || refused == 0 {
		t.Errorf("targets only: connected to a stranger: %v, dials refused: %v", connected, refused)
	}
	if connected, _ := lookup(PresenceOptions{AllowPeers: []string{told.ID().String()}, AllowCIDRs: []string{"10.0.0.0/8"}}); connected {
		t.Error("connected outside the allowed networks")
	}
	if connected, refused := lookup(PresenceOptions{AllowCIDRs: []string{"127.0.0.0/8"}}); !connected {
		t.Errorf("not connected within the allowed networks, %v dials refused", refused)
	}
	if connected, refused := lookup(PresenceOptions{AllowPeers: []string{told.ID().String()}}); !connected {
		t.Errorf("not connected to an allowed peer, %v dials refused", refused)
	}
}
