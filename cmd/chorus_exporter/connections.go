package main

import (
	"container/list"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// maxConnections is how many connections a server has at once, far more than who scrapes, probes and looks on. Each takes
// 10 KB, with TLS 50 KB, and while headers come up to maxHeaderBytes and what they are decoded to.
const maxConnections = 128

// connections bounds those of a server. One more closes the one on which nothing has begun or ended for longest: who opens
// them to block the others, and sends nothing, little or never reads, then only loses its own.
type connections struct {
	limit  int
	logger *slog.Logger

	mu    sync.Mutex
	order list.List // of net.Conn, the longest unchanged first
	place map[net.Conn]*list.Element
}

func newConnections(limit int, logger slog.Handler) *connections {
	return &connections{limit: limit, logger: slog.New(logger), place: map[net.Conn]*list.Element{}}
}

// changed is told by the server of each change of a connection.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if oldest := c.note(conn, state); oldest != nil {
		c.logger.Warn(fmt.Sprintf("More connections at once than %d: closed the longest unused", c.limit))
		if secured, ok := oldest.(*tls.Conn); ok { // saying goodbye could take long
			oldest = secured.NetConn()
		}
		_ = oldest.Close() // who is sent away is told nothing
	}
}

// note keeps the order, and returns the connection that has to leave.
func (c *connections) note(conn net.Conn, state http.ConnState) (oldest net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place := c.place[conn]
	switch {
	case state == http.StateNew:
		c.place[conn] = c.order.PushBack(conn)
		if c.order.Len() > c.limit {
			oldest = c.order.Remove(c.order.Front()).(net.Conn)
			delete(c.place, oldest)
		}
	case place == nil: // it has been sent away
	case state == http.StateClosed, state == http.StateHijacked:
		c.order.Remove(place)
		delete(c.place, conn)
	default:
		c.order.MoveToBack(place)
	}
	return oldest
}
