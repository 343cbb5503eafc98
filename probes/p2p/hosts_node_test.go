package p2p

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// node is a cluster node on loopback. Stop and start keep its key and its port.
type node struct {
	host.Host
	key    crypto.PrivKey
	listen string
	psk    pnet.PSK
	noPing bool
}

func startNode(t testing.TB, change ...func(*node)) *node {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{key: key, listen: "/ip4/127.0.0.1/tcp/0"}
	for _, f := range change {
		f(n)
	}
	n.start(t)
	t.Cleanup(n.stop)
	return n
}

func (n *node) start(t testing.TB) {
	t.Helper()
	id, err := peer.IDFromPrivateKey(n.key)
	if err != nil {
		t.Fatal(err)
	}
	known, err := newPeerstore(id, n.key)
	if err != nil {
		t.Fatal(err)
	}
	bus := eventbus.NewBus()
	o := hostOptions{key: n.key, psk: n.psk, quic: n.psk == nil, dialTimeout: 5 * time.Second}
	sw, err := newSwarm(id, known, bus, &network.NullResourceManager{}, o)
	if err != nil {
		t.Fatal(err)
	}
	closers, err := addTransports(sw, &network.NullResourceManager{}, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := sw.Listen(ma.StringCast(n.listen)); err != nil {
		t.Fatal(err)
	}
	h, err := basichost.NewHost(sw, &basichost.HostOpts{EventBus: bus, EnablePing: !n.noPing})
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	n.Host, n.listen = &slimHost{Host: h, closers: closers}, sw.ListenAddresses()[0].String()
}

func (n *node) stop() { _ = n.Host.Close() }

// at is the node's multiaddr as a target, or the one of another address of it.
func (n *node) at(addr string) string { return fmt.Sprintf("%s/p2p/%s", addr, n.ID()) }

func (n *node) target() string { return n.at(n.listen) }

// port is the port the node listens on.
func (n *node) port(t testing.TB) string {
	t.Helper()
	_, addr, err := manet.DialArgs(ma.StringCast(n.listen))
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// proxy forwards TCP to a node, until it hangs: connections stay, also new ones are made, and no byte moves.
type proxy struct {
	addr  string // multiaddr
	hangs atomic.Bool
	conns sync.WaitGroup
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &proxy{addr: fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port)}
	p.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.forward(ctx, c, to) })
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); p.conns.Wait() })
	return p
}

func (p *proxy) forward(ctx context.Context, in net.Conn, to string) {
	out, err := net.Dial("tcp4", to)
	if err != nil {
		_ = in.Close()
		return
	}
	defer context.AfterFunc(ctx, func() { _ = in.Close(); _ = out.Close() })()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() { p.copy(ctx, way[1], way[0]) })
	}
	both.Wait()
}

func (p *proxy) copy(ctx context.Context, to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		for p.hangs.Load() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

var _ io.Closer = (*slimHost)(nil)

// names is a DNS resolver that knows what it was told.
type names struct {
	mu  sync.Mutex
	ip  map[string][]net.IPAddr
	txt map[string][]string
}

func (r *names) set(name string, txt ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ip == nil {
		r.ip, r.txt = make(map[string][]net.IPAddr), make(map[string][]string)
	}
	if len(txt) == 0 {
		r.ip[name] = []net.IPAddr{{IP: net.IPv4(127, 0, 0, 1)}}
	} else {
		r.txt["_dnsaddr."+name] = txt
	}
}

func (r *names) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ips, ok := r.ip[name]; ok {
		return ips, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (r *names) LookupTXT(_ context.Context, name string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if txt, ok := r.txt[name]; ok {
		return txt, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// patience ends a test that hangs. It judges nothing.
const patience = 5 * time.Minute

// becomes waits until a condition holds.
func becomes(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// startPresence runs a presence until the test ends.
func startPresence(t testing.TB, o PresenceOptions) *Presence {
	t.Helper()
	if o.Identity == nil {
		var err error
		if o.Identity, err = NewIdentity(); err != nil {
			t.Fatal(err)
		}
	}
	p, err := NewPresence(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p
}
