package p2p

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func connectedTo(l *Leg, n int) func() bool { return func() bool { return len(l.Connected()) == n } }

func TestPresenceConnects(t *testing.T) {
	nodes := []*node{startNode(t), startNode(t), startNode(t)}
	began := time.Now()
	p := startPresence(t, PresenceOptions{Targets: []string{nodes[0].target(), nodes[1].target(), nodes[2].target()}})
	becomes(t, "all targets respond", func() bool { return len(p.Responsive()) == 3 })
	becomes(t, "every leg is connected", func() bool {
		return len(p.A().Connected()) == 2 && len(p.B().Connected()) == 1 && len(p.DHT().Connected()) == 3
	})
	for _, l := range p.legs {
		if since := l.ConnectedSince(); since.Before(began) || since.After(time.Now()) {
			t.Errorf("%s: connected since %v, want after %v", l.Name(), since, began)
		}
		if n := l.Host().Network(); len(n.ListenAddresses()) != 0 || len(l.Host().Addrs()) != 0 {
			t.Errorf("%s listens on %v", l.Name(), n.ListenAddresses())
		}
	}
	want := [][]peer.ID{{nodes[0].ID(), nodes[1].ID()}, {nodes[2].ID()}, {nodes[0].ID(), nodes[1].ID(), nodes[2].ID()}}
	got := [][]peer.ID{p.A().Targets(), p.B().Targets(), p.DHT().Targets()}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("targets (-want +got):\n%s", d)
	}
	becomes(t, "pings are counted", func() bool { return observations(t, p) >= 6 })
}

// observations counts the pings answered.
func observations(t testing.TB, c prometheus.Collector) uint64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "chorus_p2p_peer_latency_seconds" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	t.Fatal("no latency among the metrics")
	return 0
}

func TestPresenceOptions(t *testing.T) {
	n := startNode(t)
	identity, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*PresenceOptions)
		want   string
	}{
		"no identity":       {func(o *PresenceOptions) { o.Identity = nil }, "no identity"},
		"no targets":        {func(o *PresenceOptions) { o.Targets = nil }, "no targets"},
		"PSK and QUIC":      {func(o *PresenceOptions) { o.PSK, o.QUIC = bytes.Repeat([]byte{1}, 32), true }, "has no QUIC"},
		"short PSK":         {func(o *PresenceOptions) { o.PSK = []byte{1} }, "1 bytes instead of 32"},
		"own target":        {func(o *PresenceOptions) { o.Targets = []string{n.listen + "/p2p/" + identity.PeerIDs()[2].String()} }, "our own hosts"},
		"bad allowed peer":  {func(o *PresenceOptions) { o.AllowPeers = []string{"x"} }, `allow_peers[0] "x"`},
		"bad network":       {func(o *PresenceOptions) { o.AllowCIDRs = []string{"10.0.0.0/8", "10.0.0.1"} }, `allow_cidrs[1] "10.0.0.1"`},
		"negative interval": {func(o *PresenceOptions) { o.Ping.Interval = -1 }, "must be positive"},
		"negative bound":    {func(o *PresenceOptions) { o.MaxPeers = -1 }, "must be positive"},
	} {
		t.Run(name, func(t *testing.T) {
			o := PresenceOptions{Identity: identity, Targets: []string{n.target()}}
			c.change(&o)
			p, err := NewPresence(o)
			if err == nil {
				_ = p.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not contain %q", err, c.want)
			}
		})
	}
	t.Run("closed without a run", func(t *testing.T) {
		p, err := NewPresence(PresenceOptions{Identity: identity, Targets: []string{n.target()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestLegReconnectsAfterRestart(t *testing.T) {
	n := startNode(t)
	p := startPresence(t, PresenceOptions{Targets: []string{n.target()}})
	becomes(t, "connected", func() bool { return connectedTo(p.A(), 1)() && connectedTo(p.DHT(), 1)() })
	before := p.A().ConnectedSince()
	n.stop()
	becomes(t, "nobody responds", func() bool { return len(p.Responsive()) == 0 })
	time.Sleep(300 * time.Millisecond) // some dials fail
	n.start(t)
	becomes(t, "connected again", connectedTo(p.A(), 1))
	if !p.A().ConnectedSince().After(before) {
		t.Error("ConnectedSince is that of the connection that is gone")
	}
	if len(p.A().Host().Network().ConnsToPeer(n.ID())) != 1 {
		t.Error("more than one connection to a target")
	}
}

func TestLegReset(t *testing.T) {
	n := startNode(t)
	p := startPresence(t, PresenceOptions{Targets: []string{n.target()}})
	becomes(t, "connected", connectedTo(p.B(), 1))
	before := p.B().ConnectedSince()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.B().Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if !p.B().ConnectedSince().After(before) {
		t.Error("the connection is still the old one")
	}
	if got := testutil.ToFloat64(p.resets.WithLabelValues(GossipB)); got != 1 {
		t.Errorf("%v resets counted, want 1", got)
	}
	n.stop()
	if err := p.B().Reset(ctx); err == nil || !strings.Contains(err.Error(), "none of 1 targets") {
		t.Errorf("reset without a node: %v", err)
	}
}

func TestHungNodeIsNoticed(t *testing.T) {
	n := startNode(t)
	between := startProxy(t, "127.0.0.1:"+n.port(t))
	p := startPresence(t, PresenceOptions{
		Targets:     []string{n.at(between.addr)},
		Ping:        PingOptions{Interval: 100 * time.Millisecond, Timeout: 300 * time.Millisecond, MaxFailures: 3},
		DialTimeout: time.Second,
	})
	becomes(t, "responsive", func() bool { return len(p.DHT().Responsive()) == 1 })
	since := p.DHT().ConnectedSince()
	between.hangs.Store(true)
	becomes(t, "not responsive", func() bool { return len(p.DHT().Responsive()) == 0 })
	if got := p.DHT().ConnectedSince(); !got.Equal(since) {
		t.Error("disconnected after the first failed ping, want three")
	}
	becomes(t, "disconnected", connectedTo(p.DHT(), 0))
	if got := testutil.ToFloat64(p.failures); got < 3 {
		t.Errorf("%v failed pings counted, want 3 at least", got)
	}
	between.hangs.Store(false)
	becomes(t, "responsive again", func() bool { return len(p.DHT().Responsive()) == 1 })
}

func TestNodeWithoutPingIsAlive(t *testing.T) {
	n := startNode(t, func(n *node) { n.noPing = true })
	p := startPresence(t, PresenceOptions{
		Targets: []string{n.target()}, Ping: PingOptions{Interval: 50 * time.Millisecond, MaxFailures: 1},
	})
	becomes(t, "responsive", func() bool { return len(p.A().Responsive()) == 1 })
	before := p.A().ConnectedSince()
	time.Sleep(300 * time.Millisecond)
	if len(p.A().Responsive()) != 1 || !p.A().ConnectedSince().Equal(before) || testutil.ToFloat64(p.failures) != 0 {
		t.Error("a node that says it speaks no ping counts as silent")
	}
}

func TestLegsNeverMeet(t *testing.T) {
	n, stranger := startNode(t), startNode(t)
	p := startPresence(t, PresenceOptions{Targets: []string{n.target()}, AllowCIDRs: []string{"127.0.0.0/8"}})
	dial := func(l *Leg, id peer.ID, addr string) error {
		return l.Host().Connect(t.Context(), peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{ma.StringCast(addr)}})
	}
	for _, l := range p.legs {
		for _, other := range p.legs {
			if l != other && dial(l, other.Host().ID(), n.listen) == nil {
				t.Errorf("%s may dial %s", l.Name(), other.Name())
			}
		}
		refused := testutil.ToFloat64(p.refused.WithLabelValues(l.Name()))
		if refused != 2 {
			t.Errorf("%s: %v dials refused, want 2", l.Name(), refused)
		}
	}
	if dial(p.A(), stranger.ID(), stranger.listen) == nil {
		t.Error("a gossip leg dials a stranger in an allowed network: only the DHT leg may")
	}
	if err := dial(p.DHT(), stranger.ID(), stranger.listen); err != nil {
		t.Errorf("the DHT leg may not dial a stranger in an allowed network: %v", err)
	}
}

// Somebody else says that a target is where a victim is.
func TestTargetIsDialledAtItsOwnAddressesOnly(t *testing.T) {
	n, victim := startNode(t), startNode(t)
	p := startPresence(t, PresenceOptions{Targets: []string{n.target()}})
	becomes(t, "connected", connectedTo(p.DHT(), 1))
	before := testutil.ToFloat64(p.refused.WithLabelValues(DHT))
	n.stop()
	becomes(t, "disconnected", connectedTo(p.DHT(), 0))
	h := p.DHT().Host()
	h.Peerstore().AddAddr(n.ID(), ma.StringCast(victim.listen), peerstore.TempAddrTTL)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := h.Connect(ctx, peer.AddrInfo{ID: n.ID()})
	if err == nil {
		t.Fatal("connected to a node that is down")
	}
	becomes(t, "the dial is refused", func() bool {
		_ = h.Connect(ctx, peer.AddrInfo{ID: n.ID(), Addrs: []ma.Multiaddr{ma.StringCast(victim.listen)}})
		return testutil.ToFloat64(p.refused.WithLabelValues(DHT)) > before
	})
	if len(victim.Network().Conns()) != 0 {
		t.Error("the victim was reached")
	}
}

func TestNobodyConnectsToUs(t *testing.T) {
	n := startNode(t)
	p := startPresence(t, PresenceOptions{Targets: []string{n.target()}})
	becomes(t, "connected", connectedTo(p.DHT(), 1))
	for _, l := range p.legs {
		for _, c := range l.Host().Network().Conns() {
			if c.Stat().Direction != network.DirOutbound {
				t.Errorf("%s has a connection of direction %v", l.Name(), c.Stat().Direction)
			}
		}
		if l.gater.InterceptAccept(nil) || l.gater.InterceptSecured(network.DirInbound, n.ID(), nil) {
			t.Errorf("%s accepts", l.Name())
		}
	}
	// Where our end of a connection is, nobody listens: not once in many attempts.
	stranger := startNode(t)
	for range 50 {
		for _, c := range n.Network().Conns() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := stranger.Connect(ctx, peer.AddrInfo{ID: c.RemotePeer(), Addrs: []ma.Multiaddr{c.RemoteMultiaddr()}})
			cancel()
			if err == nil {
				t.Fatal("somebody connected to us")
			}
		}
	}
	if got := len(p.DHT().Host().Network().Conns()); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}

func TestPrivateNetwork(t *testing.T) {
	key := "/key/swarm/psk/1.0.0/\n/base16/\n" + strings.Repeat("0123456789abcdef", 4) + "\n"
	path := filepath.Join(t.TempDir(), "swarm.key")
	if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	psk, err := LoadPSK(path)
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t, func(n *node) { n.psk = psk })
	member := startPresence(t, PresenceOptions{Targets: []string{n.target()}, PSK: psk})
	other := startPresence(t, PresenceOptions{
		Targets: []string{n.target()}, PSK: bytes.Repeat([]byte{7}, 32), DialTimeout: 500 * time.Millisecond,
	})
	stranger := startPresence(t, PresenceOptions{Targets: []string{n.target()}, DialTimeout: 500 * time.Millisecond})
	becomes(t, "same key: connected", connectedTo(member.DHT(), 1))
	time.Sleep(1500 * time.Millisecond) // two dials of the others
	if len(other.Responsive())+len(stranger.Responsive()) != 0 {
		t.Error("connected without the key")
	}

	for name, text := range map[string]string{
		"empty": "", "other header": "/key/swarm/psk/2.0.0/\n/base16/\n00\n", "short": "/key/swarm/psk/1.0.0/\n/base16/\n00ff\n",
		"secret": "hunter2 hunter2\n",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadPSK(path); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestQUIC(t *testing.T) {
	n := startNode(t, func(n *node) { n.listen = "/ip4/127.0.0.1/udp/0/quic-v1" })
	p := startPresence(t, PresenceOptions{Targets: []string{n.target()}, QUIC: true})
	becomes(t, "responsive over QUIC", func() bool { return len(p.A().Responsive()) == 1 })
	if got := p.A().Host().Network().ListenAddresses(); len(got) != 0 {
		t.Errorf("listens on %v", got)
	}
}

func TestTargetsWithNames(t *testing.T) {
	n := startNode(t)
	port, dns := n.port(t), &names{}
	t.Run("dns4 that appears later", func(t *testing.T) {
		p := startPresence(t, PresenceOptions{Targets: []string{n.at("/dns4/later.example/tcp/" + port)}, Resolver: dns})
		time.Sleep(100 * time.Millisecond)
		if len(p.A().Connected()) != 0 {
			t.Fatal("connected without an address")
		}
		dns.set("later.example")
		becomes(t, "connected", connectedTo(p.A(), 1))
	})
	t.Run("dnsaddr by way of another, to a node that moves", func(t *testing.T) {
		n := startNode(t)
		old := n.listen
		dns.set("cluster.example", "dnsaddr=/dnsaddr/zone.example", "dnsaddr=/ip4/127.0.0.1/tcp/1/ws",
			"dnsaddr=/dnsaddr/zone.example"+"/p2p/"+n.ID().String())
		dns.set("zone.example", "dnsaddr="+n.at(old), "dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/"+startNode(t).ID().String())
		p := startPresence(t, PresenceOptions{Targets: []string{n.at("/dnsaddr/cluster.example")}, Resolver: dns})
		becomes(t, "connected", connectedTo(p.A(), 1))
		before := p.A().ConnectedSince()
		n.stop()
		n.listen = "/ip4/127.0.0.1/tcp/0"
		n.start(t)
		dns.set("zone.example", "dnsaddr="+n.target())
		becomes(t, "connected where it is now", func() bool { return p.A().ConnectedSince().After(before) })
		if addrs, _ := p.A().gater.target(n.ID()); slices.ContainsFunc(addrs, ma.StringCast(old).Equal) {
			t.Error("the old address may still be dialled")
		}
	})
}
