// Package memnet has libp2p hosts for tests that are connected by pipes instead of sockets, so that they run on the virtual
// time of testing/synctest.
package memnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// memory is the network of test hosts: TCP without a kernel. A goroutine that waits for a socket keeps the clock of
// testing/synctest from moving; one that waits for a pipe does not. Everything above the pipe is the real thing.
var memory struct { //nolint:gochecknoglobals // the hosts of a test process find each other through it
	listeners sync.Map // port to *listener
	ports     atomic.Int32
}

// listener takes connections to one port.
type listener struct {
	port     int
	incoming chan net.Conn
	once     sync.Once
	done     chan struct{}
}

// listen listens on a port that nobody has had.
func listen() *listener {
	l := &listener{port: int(memory.ports.Add(1)), incoming: make(chan net.Conn), done: make(chan struct{})}
	memory.listeners.Store(l.port, l)
	return l
}

// dial connects to the listener on a port.
func dial(ctx context.Context, port int) (net.Conn, error) {
	found, ok := memory.listeners.Load(port)
	if !ok {
		return nil, fmt.Errorf("dial port %d: connection refused", port)
	}
	l := found.(*listener)
	own, other := net.Pipe()
	here, there := address(int(memory.ports.Add(1))), l.Addr()
	select {
	case l.incoming <- conn{other, there, here}:
		return conn{own, here, there}, nil
	case <-l.done:
		return nil, fmt.Errorf("dial port %d: connection refused", port)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func address(port int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { memory.listeners.Delete(l.port); close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return address(l.port) }

// conn is a pipe with addresses.
type conn struct {
	net.Conn
	local, remote net.Addr
}

func (c conn) LocalAddr() net.Addr  { return c.local }
func (c conn) RemoteAddr() net.Addr { return c.remote }

// transportOf is a transport of libp2p over such pipes.
type transportOf struct{ up transport.Upgrader }

// Dial implements transport.Transport.
func (t transportOf) Dial(ctx context.Context, addr ma.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	to, err := manet.ToNetAddr(addr)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, to.(*net.TCPAddr).Port)
	if err != nil {
		return nil, err
	}
	c, err := manet.WrapNetConn(conn)
	if err != nil {
		return nil, err
	}
	return t.up.Upgrade(ctx, t, c, network.DirOutbound, id, &network.NullScope{})
}

// CanDial implements transport.Transport.
func (t transportOf) CanDial(addr ma.Multiaddr) bool {
	_, err := addr.ValueForProtocol(ma.P_TCP)
	return err == nil
}

// Listen implements transport.Transport.
func (t transportOf) Listen(ma.Multiaddr) (transport.Listener, error) {
	l, err := manet.WrapNetListener(listen())
	if err != nil {
		return nil, err
	}
	return t.up.UpgradeGatedMaListener(t, t.up.GateMaListener(l)), nil
}

// Protocols implements transport.Transport.
func (t transportOf) Protocols() []int { return []int{ma.P_TCP} }

// Proxy implements transport.Transport.
func (t transportOf) Proxy() bool { return false }

// Proxy stands before a host and keeps what passes for a while. While frozen it swallows all bytes, and the
// connections live on.
type Proxy struct {
	to     int
	Delay  time.Duration // set before the first connection
	Frozen atomic.Bool
	work   sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// Behind returns where to dial h with a proxy in between, which lives until the end of the test.
func Behind(t testing.TB, h host.Host) (peer.AddrInfo, *Proxy) {
	t.Helper()
	to, err := manet.ToNetAddr(h.Addrs()[0])
	must(t, err)
	l := listen()
	p := &Proxy{to: to.(*net.TCPAddr).Port}
	p.work.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.work.Wait()
	})
	own, err := manet.FromNetAddr(l.Addr())
	must(t, err)
	return peer.AddrInfo{ID: h.ID(), Addrs: []ma.Multiaddr{own}}, p
}

func (p *Proxy) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := dial(context.Background(), p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		p.work.Go(func() { p.pass(out, in) })
		p.work.Go(func() { p.pass(in, out) })
	}
}

func (p *Proxy) pass(to io.WriteCloser, from io.ReadCloser) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		time.Sleep(p.Delay)
		if n > 0 && !p.Frozen.Load() {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
