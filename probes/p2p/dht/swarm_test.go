package dht

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ds "github.com/ipfs/go-datastore"
	dsq "github.com/ipfs/go-datastore/query"
	dssync "github.com/ipfs/go-datastore/sync"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"chorus/probes"
	"chorus/probes/p2p/healthrecord"
	"chorus/probes/p2p/memnet"
)

func kadMust(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kadServer is a node of a cluster.
type kadServer struct {
	host.Host
	kad   *dht.IpfsDHT
	store ds.Batching
}

func (s *kadServer) kill() {
	_ = s.kad.Close()
	_ = s.Host.Close()
}

// kadKillAll kills the servers and waits until d has seen it.
func kadKillAll(t testing.TB, d *Probe, servers []*kadServer) {
	t.Helper()
	n, err := d.attached()
	kadMust(t, err)
	for _, s := range servers {
		s.kill()
	}
	becomes(t, "the killed nodes are disconnected", func() bool { return len(n.host.Network().Peers()) == 0 })
}

// entries are the keys in the datastore that begin with prefix.
func (s *kadServer) entries(t testing.TB, prefix string) []string {
	t.Helper()
	found, err := s.store.Query(t.Context(), dsq.Query{KeysOnly: true})
	kadMust(t, err)
	all, err := found.Rest()
	kadMust(t, err)
	var keys []string
	for _, e := range all {
		if strings.HasPrefix(e.Key, prefix) {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// kadSwarm starts n connected servers that accept the health namespace, unless more says otherwise.
func kadSwarm(t testing.TB, n int, more ...dht.Option) []*kadServer {
	t.Helper()
	hosts := make([]host.Host, n)
	for i := range hosts {
		hosts[i] = memnet.Host(t, true, nil)
	}
	return kadSwarmOn(t, hosts, more...)
}

// kadSwarmOn is kadSwarm on hosts that there are.
func kadSwarmOn(t testing.TB, hosts []host.Host, more ...dht.Option) []*kadServer {
	t.Helper()
	plain := more == nil
	if plain {
		more = []dht.Option{dht.Mode(dht.ModeServer), dht.NamespacedValidator("health", healthrecord.Validator{})}
	}
	var all []*kadServer
	for _, h := range hosts {
		s := &kadServer{Host: h, store: dssync.MutexWrap(ds.NewMapDatastore())}
		options := append([]dht.Option{dht.ProtocolPrefix("/chorus"), dht.DisableAutoRefresh(), dht.Datastore(s.store)}, more...)
		var err error
		s.kad, err = dht.New(s.Host, options...)
		kadMust(t, err)
		t.Cleanup(func() { _ = s.kad.Close() })
		for _, other := range all {
			kadConnect(t, s.Host, other.Host)
		}
		all = append(all, s)
	}
	const few = 10 // of more than that, not all get into every routing table
	for _, s := range all {
		if plain && len(all) <= few {
			becomes(t, "every server knows all others", func() bool { return s.kad.RoutingTable().Size() == len(all)-1 })
		}
	}
	return all
}

func kadInfo(h host.Host) peer.AddrInfo { return peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()} }

// kadConnect connects hosts and waits until both ends know who serves the DHT: what a host has just begun to serve may reach
// the other only by a later push.
func kadConnect(t testing.TB, from host.Host, to ...host.Host) {
	t.Helper()
	for _, h := range to {
		kadMust(t, from.Connect(t.Context(), kadInfo(h)))
		for _, ends := range [][2]host.Host{{from, h}, {h, from}} {
			becomes(t, "the other end's protocols are known", func() bool {
				served := slices.DeleteFunc(ends[1].Mux().Protocols(), func(p protocol.ID) bool {
					return !strings.HasSuffix(string(p), string(kadProtocol))
				})
				known, err := ends[0].Peerstore().SupportsProtocols(ends[1].ID(), served...)
				return err == nil && len(known) == len(served)
			})
		}
	}
}

// kadOwner is a HostOwner.
type kadOwner struct{ h host.Host }

func (o kadOwner) Host() host.Host { return o.h }

// kadProbe runs a DHT probe on a new host that is connected to the servers.
func kadProbe(t testing.TB, o Options, servers ...*kadServer) *Probe {
	t.Helper()
	h := memnet.Host(t, false, nil)
	for _, s := range servers {
		kadConnect(t, h, s.Host)
	}
	return kadProbeOn(t, h, o)
}

func kadProbeOn(t testing.TB, h host.Host, o Options) *Probe {
	t.Helper()
	if o.Leg == nil {
		o.Leg = kadOwner{h}
	}
	if o.PropagationWait == 0 {
		o.PropagationWait = time.Nanosecond
	}
	d, err := New(o)
	kadMust(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	kadAttached(t, d)
	return d
}

// kadAttached waits until d can ask.
func kadAttached(t testing.TB, d *Probe) {
	t.Helper()
	becomes(t, "the DHT client runs", func() bool { _, err := d.attached(); return err == nil })
}

// kadDetails runs the probe and returns what it says.
func kadDetails(t testing.TB, p probes.Probe) (map[string]any, error) {
	t.Helper()
	r, err := p.Probe(t.Context())
	return r.Details, err
}

func wantKadDetails(t testing.TB, got, want map[string]any) {
	t.Helper()
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %v, want %v; all: %v", name, got[name], v, got)
		}
	}
}

// wantKadFailure checks the reason and a part of the text.
func wantKadFailure(t testing.TB, err error, reason probes.Reason, text string) {
	t.Helper()
	if err == nil || probes.ReasonOf(err) != reason || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v with reason %q, want %q in it with reason %q", err, probes.ReasonOf(err), text, reason)
	}
}

// kadLiar is a node that speaks Kademlia as answer says; nil is no answer at all.
func kadLiar(t testing.TB, answer func(*pb.Message) *pb.Message) host.Host {
	t.Helper()
	h := memnet.Host(t, true, nil)
	h.SetStreamHandler("/chorus/kad/1.0.0", func(s network.Stream) {
		m, err := readMessage(s, 1<<20)
		if err != nil {
			_ = s.Reset()
			return
		}
		if a := answer(m); a == nil {
			_ = s.Reset()
		} else if writeMessage(s, a) == nil {
			_ = s.Close()
		}
	})
	return h
}

// kadEcho answers as an honest node without a memory does.
func kadEcho(m *pb.Message) *pb.Message {
	a := pb.NewMessage(m.GetType(), m.GetKey(), 0)
	if m.GetType() == pb.Message_PUT_VALUE {
		a.Record = m.GetRecord()
	}
	return a
}

// kadHolding answers like echo, and every get with value.
func kadHolding(value func(key string) []byte) func(*pb.Message) *pb.Message {
	return func(m *pb.Message) *pb.Message {
		a := kadEcho(m)
		if m.GetType() == pb.Message_GET_VALUE {
			a.Record = record.MakePutRecord(string(m.GetKey()), value(string(m.GetKey())))
		}
		return a
	}
}

// kadGate lets the host dial allowed peers only.
type kadGate struct {
	allowed map[peer.ID]bool
	refused atomic.Int32
}

func (g *kadGate) InterceptPeerDial(p peer.ID) bool {
	if !g.allowed[p] {
		g.refused.Add(1)
	}
	return g.allowed[p]
}

func (*kadGate) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }
func (*kadGate) InterceptAccept(network.ConnMultiaddrs) bool  { return true }
func (*kadGate) InterceptSecured(network.Direction, peer.ID, network.ConnMultiaddrs) bool {
	return true
}
func (*kadGate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

func datastoreKey(key string) ds.Key { return ds.RawKey(key) }
