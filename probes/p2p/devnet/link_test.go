package devnet

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	ma "github.com/multiformats/go-multiaddr"
)

// pipe is a connection in memory whose writes, on the near side, go over a link.
func pipe(l *link) (near *slowConn, far net.Conn) {
	a, far := net.Pipe()
	return newSlowConn(wire{a}, l), far
}

// wire is a connection without multiaddrs.
type wire struct{ net.Conn }

func (wire) LocalMultiaddr() ma.Multiaddr  { return nil }
func (wire) RemoteMultiaddr() ma.Multiaddr { return nil }

func TestLinkKeepsOrderWhileItsDelayChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{}
		near, far := pipe(l)
		begin := time.Now()
		go func() {
			for i, delay := range []time.Duration{0, time.Second, 0, 2 * time.Second, time.Millisecond} {
				l.delay.Store(int64(delay))
				near.Write([]byte{byte(i)})
			}
		}()
		got := make([]byte, 5)
		if _, err := io.ReadFull(far, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, []byte{0, 1, 2, 3, 4}) {
			t.Errorf("got %v", got)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v: delays add up or were left out", took)
		}
		near.Close()
	})
}

func TestLinkThatIsFullBlocksUntilClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{}
		l.delay.Store(int64(time.Hour))
		near, _ := pipe(l)
		ended := make(chan error, 1)
		go func() {
			for {
				if _, err := near.Write(make([]byte, 1<<20)); err != nil {
					ended <- err
					return
				}
			}
		}()
		synctest.Wait()
		if near.size > maxDelayed+1<<20 {
			t.Errorf("%d bytes wait", near.size)
		}
		near.Close()
		if err := <-ended; err == nil {
			t.Error("a closed connection took a write")
		}
	})
}

func TestLinkTellsTheWriterOfABrokenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{}
		l.delay.Store(int64(time.Second))
		near, far := pipe(l)
		far.Close()
		near.Write([]byte("lost"))
		time.Sleep(2 * time.Second)
		if _, err := near.Write([]byte("more")); err == nil {
			t.Error("no error")
		}
		near.Close()
	})
}
