package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// MaxConnections is how many connections a server has at once, far more than who scrapes, probes and looks on. Each takes
// 10 KB, with TLS 50 KB, and while headers come up to MaxHeaderBytes and what they are decoded to.
const MaxConnections = 128

// connections bounds those of a server. One more closes, of the address that has the most, the one on which nothing has
// begun or ended for longest: who opens them to block the others, and sends nothing, little or never reads, then only
// loses its own.
type connections struct {
	limit  int
	crowd  *Crowd
	logger *slog.Logger
}

func newConnections(limit int, logger slog.Handler) *connections {
	return &connections{limit: limit, crowd: NewCrowd(limit), logger: slog.New(logger)}
}

// changed is told by the server of each change of a connection.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if oldest := c.crowd.Join(conn); oldest != nil {
			c.sendAway(oldest)
		}
	case http.StateActive, http.StateIdle:
		c.crowd.Renew(conn)
	case http.StateClosed, http.StateHijacked:
		c.crowd.Leave(conn)
	}
}

// sendAway closes a connection without a word.
func (c *connections) sendAway(conn net.Conn) {
	c.logger.Warn(fmt.Sprintf(
		"Connection limit %d reached; closed the longest idle connection of the busiest client", c.limit))
	if secured, ok := conn.(*tls.Conn); ok { // saying goodbye could take long
		conn = secured.NetConn()
	}
	_ = conn.Close() // who is sent away is told nothing
}
