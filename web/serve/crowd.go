package serve

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// ipv6Bits is how much of an IPv6 address tells one client from another: a host commonly has all 64 bits behind it.
const ipv6Bits = 64

// Crowd is the connections of a server. When there are more than its limit, one of the origin that has the most leaves,
// of several such origins and of its connections the one that has not been renewed for longest. An origin is an IPv4
// address, 64 bits of an IPv6 address, or whatever else the connection tells of its other side.
//
// All methods are safe for concurrent use.
type Crowd struct {
	limit int

	mu    sync.Mutex
	order list.List // of member, the longest unrenewed first
	place map[net.Conn]*list.Element
	many  map[string]int // connections by origin
}

// member is a connection of a crowd.
type member struct {
	conn   net.Conn
	origin string
}

// NewCrowd returns a Crowd of at most limit connections, which must be positive.
func NewCrowd(limit int) *Crowd {
	return &Crowd{limit: limit, place: map[net.Conn]*list.Element{}, many: map[string]int{}}
}

// Join adds a connection. If there are more than the limit then, it returns the one that has left, which the caller is to
// close, else nil.
func (c *Crowd) Join(conn net.Conn) (leaves net.Conn) {
	m := member{conn, origin(conn)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place[conn] = c.order.PushBack(m)
	c.many[m.origin]++
	if c.order.Len() <= c.limit {
		return nil
	}
	leaves = c.largest().conn
	c.remove(leaves)
	return leaves
}

// Renew makes a connection the last to leave of its origin. One that has left stays away.
func (c *Crowd) Renew(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.place[conn]; e != nil {
		c.order.MoveToBack(e)
	}
}

// Leave takes a connection out, if it has not left.
func (c *Crowd) Leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(conn)
}

// Members are the connections at this moment, the longest unrenewed first.
func (c *Crowd) Members() (conns []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.order.Front(); e != nil; e = e.Next() {
		conns = append(conns, e.Value.(member).conn)
	}
	return conns
}

// largest is the longest unrenewed member of an origin that has the most. The caller holds c.mu.
func (c *Crowd) largest() (found member) {
	most := 0
	for e := c.order.Front(); e != nil; e = e.Next() {
		if m := e.Value.(member); c.many[m.origin] > most {
			found, most = m, c.many[m.origin]
		}
	}
	return found
}

// remove takes a connection out. The caller holds c.mu.
func (c *Crowd) remove(conn net.Conn) {
	e := c.place[conn]
	if e == nil {
		return
	}
	delete(c.place, conn)
	m := c.order.Remove(e).(member)
	if c.many[m.origin]--; c.many[m.origin] == 0 {
		delete(c.many, m.origin)
	}
}

// origin is what the connections of one client have in common.
func origin(conn net.Conn) string {
	address := conn.RemoteAddr()
	if address == nil {
		return ""
	}
	parsed, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return address.String()
	}
	ip := parsed.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(ipv6Bits)
	if err != nil {
		return ip.String()
	}
	return network.String()
}
