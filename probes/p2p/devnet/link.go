package devnet

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	manet "github.com/multiformats/go-multiaddr/net"
)

// link is the wire of one node: whatever the node sends leaves after delay. A round trip to the node, or a path through
// it, takes that much longer; the bandwidth stays.
type link struct {
	delay atomic.Int64 // nanoseconds
}

// slowUpgrader puts the link under every connection of a node, before it is encrypted.
type slowUpgrader struct {
	transport.Upgrader
	link *link
}

func (u slowUpgrader) UpgradeGatedMaListener(t transport.Transport, l transport.GatedMaListener) transport.Listener {
	return u.Upgrader.UpgradeGatedMaListener(t, slowListener{l, u.link})
}

func (u slowUpgrader) Upgrade(ctx context.Context, t transport.Transport, c manet.Conn, dir network.Direction, p peer.ID,
	scope network.ConnManagementScope,
) (transport.CapableConn, error) {
	return u.Upgrader.Upgrade(ctx, t, newSlowConn(c, u.link), dir, p, scope)
}

type slowListener struct {
	transport.GatedMaListener
	link *link
}

func (l slowListener) Accept() (manet.Conn, network.ConnManagementScope, error) {
	c, scope, err := l.GatedMaListener.Accept()
	if err != nil {
		return nil, nil, err
	}
	return newSlowConn(c, l.link), scope, nil
}

// maxDelayed bounds what waits on one connection, in bytes; a write beyond it blocks, as on a full socket.
const maxDelayed = 4 << 20

// slowConn is one connection of a node. Its writers take turns already: the encryption above it sees to that.
type slowConn struct {
	manet.Conn
	link   *link
	closed chan struct{}
	close  func() error // once

	mu      sync.Mutex
	room    *sync.Cond
	waiting []packet
	size    int
	pumping bool // a goroutine writes what waits; it ends when nothing does
	err     error
}

type packet struct {
	due  time.Time
	data []byte
}

func newSlowConn(c manet.Conn, l *link) *slowConn {
	s := &slowConn{Conn: c, link: l, closed: make(chan struct{})}
	s.room = sync.NewCond(&s.mu)
	s.close = sync.OnceValue(func() error {
		err := c.Close()
		close(s.closed)
		s.fail(net.ErrClosed)
		return err
	})
	return s
}

// Close drops what waits.
func (s *slowConn) Close() error { return s.close() }

func (s *slowConn) Write(b []byte) (int, error) {
	delay := time.Duration(s.link.delay.Load())
	s.mu.Lock()
	if delay == 0 && !s.pumping && s.err == nil {
		s.mu.Unlock()
		return s.Conn.Write(b)
	}
	defer s.mu.Unlock()
	for s.err == nil && s.size > maxDelayed {
		s.room.Wait()
	}
	if s.err != nil {
		return 0, s.err
	}
	s.waiting = append(s.waiting, packet{time.Now().Add(delay), bytes.Clone(b)})
	s.size += len(b)
	if !s.pumping {
		s.pumping = true
		go s.pump()
	}
	return len(b), nil
}

// pump writes what waits, each when it is due, in order. It ends with the last, or with the connection.
func (s *slowConn) pump() {
	for {
		p, ok := s.next()
		if !ok {
			return
		}
		select {
		case <-s.closed:
			return
		case <-time.After(time.Until(p.due)):
		}
		if _, err := s.Conn.Write(p.data); err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *slowConn) next() (packet, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 || s.err != nil {
		s.pumping = false
		return packet{}, false
	}
	p := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.size -= len(p.data)
	s.room.Signal()
	return p, true
}

// fail makes every further write fail with the first error.
func (s *slowConn) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.waiting = nil
	s.room.Broadcast()
}
