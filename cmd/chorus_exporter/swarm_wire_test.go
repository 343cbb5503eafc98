package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// wire stands between an exporter and a target. Cut, it keeps connections open and drops what they carry, as a
// firewall does that forgot them.
type wire struct {
	t   *testing.T
	cut atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
}

// cut cuts the wire to a node, and mend fixes it. They are levers, as those of the swarm are.
func (c *cluster) cut(i int) error {
	c.wires[i].cut.Store(true)
	return nil
}

func (c *cluster) mend(i int) error {
	c.wires[i].mend()
	return nil
}

// through is the multiaddr at which a target is reached through the wire.
func (w *wire) through(target string) string {
	w.t.Helper()
	addr, id := ma.SplitLast(ma.StringCast(target))
	_, to, err := manet.DialArgs(addr)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var done sync.WaitGroup
	w.t.Cleanup(func() { l.Close(); w.hangUp(); done.Wait() })
	done.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return // closed
			}
			done.Go(func() { w.carry(from, to) })
		}
	})
	here, err := manet.FromNetAddr(l.Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	return here.Encapsulate(id).String()
}

// carry connects the two until one ends.
func (w *wire) carry(from net.Conn, to string) {
	defer from.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	w.conns = append(w.conns, from, far)
	w.mu.Unlock()
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, far}, {far, from}} {
		ways.Go(func() {
			_, _ = io.Copy(wireEnd{way[1], &w.cut}, way[0]) // ends with the connection
			from.Close()
			far.Close()
		})
	}
	ways.Wait()
}

// wireEnd is where the bytes of one direction come out, unless the wire is cut.
type wireEnd struct {
	io.Writer
	cut *atomic.Bool
}

func (e wireEnd) Write(p []byte) (int, error) {
	if e.cut.Load() {
		return len(p), nil
	}
	return e.Writer.Write(p)
}

// mend lets bytes through again. What was under way lacks some, so it is hung up.
func (w *wire) mend() {
	w.cut.Store(false)
	w.hangUp()
}

func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}
