package grpchealth

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"chorus/web/serve"
)

// crowdedInterval is how often it is logged that connections are closed to make room.
const crowdedInterval = time.Minute

// crowded is a listener that bounds the connections open at once. One more closes the oldest of the address that has the
// most: who opens them to block the others then only loses its own, and who probes or watches is served.
type crowded struct {
	net.Listener
	limit  int
	crowd  *serve.Crowd // of *member
	logger log.Logger

	mu     sync.Mutex
	closed int // to make room, since it was last logged
	logged time.Time
}

func newCrowded(l net.Listener, limit int, logger log.Logger) *crowded {
	return &crowded{Listener: l, limit: limit, crowd: serve.NewCrowd(limit), logger: logger}
}

// Accept waits for the next connection and makes room for it.
func (c *crowded) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m := &member{Conn: conn, crowd: c.crowd}
	if oldest := c.crowd.Join(m); oldest != nil {
		c.log()
		_ = oldest.Close() // who is sent away is told nothing
	}
	return m, nil
}

// cut closes every connection, those too that have not begun to speak HTTP/2, for which gRPC would wait.
func (c *crowded) cut() {
	for _, conn := range c.crowd.Members() {
		_ = conn.Close() // nobody is left to tell
	}
}

// log says how many connections were closed to make room, once a minute.
func (c *crowded) log() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	now := time.Now()
	if !c.logged.IsZero() && now.Sub(c.logged) < crowdedInterval {
		return
	}
	level.Warn(c.logger).Log("msg", fmt.Sprintf("Limit of %d gRPC connections reached; closed the oldest of the busiest client, "+
		"%d since this was last logged", c.limit, c.closed))
	c.logged, c.closed = now, 0
}

// member is one connection of a crowd.
type member struct {
	net.Conn
	crowd *serve.Crowd
}

// Close closes the connection, whose place is then free.
func (m *member) Close() error {
	m.crowd.Leave(m)
	return m.Conn.Close()
}
