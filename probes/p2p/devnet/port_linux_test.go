package devnet

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
)

// Nobody gets the port of a node by chance, dead or alive, and the node gets it again and again.
func TestPortIsKept(t *testing.T) {
	t.Parallel()
	p, number, err := takePort()
	must(t, err)
	addr := fmt.Sprintf("127.0.0.1:%d", number)
	for range 2 {
		if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a port where nobody listens answers %v, %v", c, err)
		}
		l, err := net.Listen("tcp", addr)
		must(t, err)
		c, err := net.Dial("tcp", addr)
		must(t, err)
		must(t, c.Close())
		must(t, l.Close())
	}
	for range 500 {
		other, taken, err := takePort()
		must(t, err)
		defer other.release()
		if taken == number {
			t.Fatal("the port was given to somebody else")
		}
	}
	p.release()
	var none *port
	none.release()
}
