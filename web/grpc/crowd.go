package grpchealth

import (
	"container/list"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// crowdedInterval is how often it is logged that connections are closed to make room.
const crowdedInterval = time.Minute

// crowd is a listener that bounds the connections open at once. One more closes the oldest: who opens them to block the
// others then only loses its own, and a prober, which asks at once and leaves, is served.
type crowd struct {
	net.Listener
	limit  int
	logger log.Logger

	mu     sync.Mutex
	conns  list.List // of *member, oldest first
	closed int       // to make room, since it was last logged
	logged time.Time
}

func newCrowd(l net.Listener, limit int, logger log.Logger) *crowd {
	return &crowd{Listener: l, limit: limit, logger: logger}
}

// Accept waits for the next connection and makes room for it.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m := &member{Conn: conn, crowd: c}
	if oldest := c.join(m); oldest != nil {
		_ = oldest.Conn.Close() // who is sent away is told nothing
	}
	return m, nil
}

// join adds m and returns who has to leave for it.
func (c *crowd) join(m *member) (oldest *member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns.Len() >= c.limit {
		oldest = c.conns.Remove(c.conns.Front()).(*member)
		oldest.place = nil
		c.closed++
		c.log()
	}
	m.place = c.conns.PushBack(m)
	return oldest
}

// log says how many connections were closed to make room, once a minute. The caller holds c.mu.
func (c *crowd) log() {
	now := time.Now()
	if !c.logged.IsZero() && now.Sub(c.logged) < crowdedInterval {
		return
	}
	level.Warn(c.logger).Log("msg", fmt.Sprintf(
		"More than %d gRPC connections at once: the oldest are closed, %d since this was last logged", c.limit, c.closed))
	c.logged, c.closed = now, 0
}

// member is one connection of a crowd.
type member struct {
	net.Conn
	crowd *crowd
	place *list.Element // nil when it has left; guarded by crowd.mu
}

// Close closes the connection, whose place is then free.
func (m *member) Close() error {
	m.crowd.mu.Lock()
	if m.place != nil {
		m.crowd.conns.Remove(m.place)
		m.place = nil
	}
	m.crowd.mu.Unlock()
	return m.Conn.Close()
}
