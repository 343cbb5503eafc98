package p2p

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
var memory struct {
	listeners sync.Map // port to *memoryListener
	ports     atomic.Int32
}

// memoryListener takes connections to one port.
type memoryListener struct {
	port     int
	incoming chan net.Conn
	once     sync.Once
	done     chan struct{}
}

// listenMemory listens on a port that nobody has had.
func listenMemory() *memoryListener {
	l := &memoryListener{port: int(memory.ports.Add(1)), incoming: make(chan net.Conn), done: make(chan struct{})}
	memory.listeners.Store(l.port, l)
	return l
}

// dialMemory connects to the listener on a port.
func dialMemory(ctx context.Context, port int) (net.Conn, error) {
	found, ok := memory.listeners.Load(port)
	if !ok {
		return nil, fmt.Errorf("dial port %d: connection refused", port)
	}
	l := found.(*memoryListener)
	own, other := net.Pipe()
	here, there := memoryAddr(int(memory.ports.Add(1))), l.Addr()
	select {
	case l.incoming <- memoryConn{other, there, here}:
		return memoryConn{own, here, there}, nil
	case <-l.done:
		return nil, fmt.Errorf("dial port %d: connection refused", port)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func memoryAddr(port int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { memory.listeners.Delete(l.port); close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return memoryAddr(l.port) }

// memoryConn is a pipe with addresses.
type memoryConn struct {
	net.Conn
	local, remote net.Addr
}

func (c memoryConn) LocalAddr() net.Addr  { return c.local }
func (c memoryConn) RemoteAddr() net.Addr { return c.remote }

// memoryTransport is a transport of libp2p over such pipes.
type memoryTransport struct{ up transport.Upgrader }

// Dial implements transport.Transport.
func (t memoryTransport) Dial(ctx context.Context, addr ma.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	to, err := manet.ToNetAddr(addr)
	if err != nil {
		return nil, err
	}
	conn, err := dialMemory(ctx, to.(*net.TCPAddr).Port)
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
func (t memoryTransport) CanDial(addr ma.Multiaddr) bool {
	_, err := addr.ValueForProtocol(ma.P_TCP)
	return err == nil
}

// Listen implements transport.Transport.
func (t memoryTransport) Listen(ma.Multiaddr) (transport.Listener, error) {
	l, err := manet.WrapNetListener(listenMemory())
	if err != nil {
		return nil, err
	}
	return t.up.UpgradeGatedMaListener(t, t.up.GateMaListener(l)), nil
}

// Protocols implements transport.Transport.
func (t memoryTransport) Protocols() []int { return []int{ma.P_TCP} }

// Proxy implements transport.Transport.
func (t memoryTransport) Proxy() bool { return false }

// memoryProxy stands before a host and keeps what passes for a while. While frozen it swallows all bytes, and the
// connections live on.
type memoryProxy struct {
	to     int
	delay  time.Duration // set before the first connection
	frozen atomic.Bool
	work   sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// behindProxy returns where to dial h with a proxy in between, which lives until the end of the test.
func behindProxy(t testing.TB, h host.Host) (peer.AddrInfo, *memoryProxy) {
	t.Helper()
	to, err := manet.ToNetAddr(h.Addrs()[0])
	must(t, err)
	l := listenMemory()
	p := &memoryProxy{to: to.(*net.TCPAddr).Port}
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

func (p *memoryProxy) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := dialMemory(context.Background(), p.to)
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

func (p *memoryProxy) pass(to io.WriteCloser, from io.ReadCloser) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		time.Sleep(p.delay)
		if n > 0 && !p.frozen.Load() {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
