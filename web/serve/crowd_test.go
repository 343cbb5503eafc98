package serve

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// conn is a connection of which only the other side's address is known.
type conn struct {
	net.Conn
	from net.Addr
}

func (c *conn) RemoteAddr() net.Addr { return c.from }

func from(address string) *conn {
	return &conn{from: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
}

// Who has the most makes room, and of those the one that has not been renewed for longest.
func TestJoin(t *testing.T) {
	const limit = 4
	for name, tt := range map[string]struct {
		come   []string
		renew  int // which of them is renewed before the last one comes
		leaves int // which one leaves then
	}{
		"all of one":                {[]string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4", "10.0.0.1:5"}, 1, 0},
		"renewed":                   {[]string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4", "10.0.0.1:5"}, 0, 1},
		"a prober before the crowd": {[]string{"10.0.0.2:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4", "10.0.0.1:5"}, 2, 1},
		"a prober after the crowd":  {[]string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4", "10.0.0.2:5"}, 2, 0},
		"each of another":           {[]string{"10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3", "10.0.0.4:4", "10.0.0.5:5"}, 1, 0},
		"two crowds":                {[]string{"10.0.0.1:1", "10.0.0.2:2", "10.0.0.2:3", "10.0.0.3:4", "10.0.0.3:5"}, 0, 1},
		"one network of IPv6":       {[]string{"[2001:db8::1]:1", "[2001:db8:0:1::1]:2", "[2001:db8:0:1::2]:3", "10.0.0.1:4", "10.0.0.2:5"}, 0, 1},
		"IPv4 as IPv6":              {[]string{"10.0.0.2:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:2", "10.0.0.3:4", "10.0.0.4:5"}, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewCrowd(limit)
			var conns []*conn
			for i, address := range tt.come {
				conns = append(conns, from(address))
				if i < limit {
					if leaves := c.Join(conns[i]); leaves != nil {
						t.Fatalf("the limit is %d, and number %d makes somebody leave", limit, i)
					}
				}
			}
			c.Renew(conns[tt.renew])
			if leaves := c.Join(conns[limit]); leaves != conns[tt.leaves] {
				t.Errorf("%v leaves, want %s", leaves.RemoteAddr(), tt.come[tt.leaves])
			}
			if n := len(c.Members()); n != limit {
				t.Errorf("%d members, want %d", n, limit)
			}
		})
	}
}

// What tells one client from another, whatever the kind of its address.
func TestOrigin(t *testing.T) {
	for want, c := range map[string]net.Conn{
		"10.0.0.1":          from("10.0.0.1:80"),
		"2001:db8:1:2::/64": from("[2001:db8:1:2:3:4:5:6]:80"),
		"fe80::/64":         from("[fe80::1%eth0]:80"),
		"@":                 &conn{from: &net.UnixAddr{Name: "@", Net: "unix"}},
		"":                  &conn{},
	} {
		if got := origin(c); got != want {
			t.Errorf("origin of %v is %q, want %q", c.RemoteAddr(), got, want)
		}
	}
}

// Whoever comes and goes, once or several times, nothing is kept of who has left.
func TestNothingIsKept(t *testing.T) {
	c := NewCrowd(10)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for j := range 1000 {
				me := from(fmt.Sprintf("10.0.%d.%d:1", i, j%200))
				c.Join(me)
				c.Renew(me)
				c.Leave(me)
				c.Leave(me)
				c.Renew(me)
			}
		})
	}
	clients.Wait()
	if got, want := [3]int{len(c.place), len(c.many), len(c.Members())}, ([3]int{}); got != want {
		t.Errorf("kept (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// BenchmarkJoin is one connection more in a full crowd of one, and of as many as there are connections.
func BenchmarkJoin(b *testing.B) {
	for _, clients := range []int{1, 128} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) {
			c := NewCrowd(128)
			conns := make([]*conn, 1024)
			for i := range conns {
				conns[i] = from(fmt.Sprintf("10.0.0.%d:%d", i%clients, i+1))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Join(conns[i%len(conns)])
			}
		})
	}
}
