package p2p

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// startLegOn runs a leg on a host of the test's until the returned function is called.
func startLegOn(t testing.TB, o LegOptions) (l *Leg, stop func()) {
	t.Helper()
	l, err := NewLegOn(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestLegOnKeepsConnections(t *testing.T) {
	program, n := startNode(t), startNode(t)
	l, stop := startLegOn(t, LegOptions{Host: program, Targets: []string{n.target()}})
	becomes(t, "responsive", func() bool { return len(l.Responsive()) == 1 })
	if err := l.Reset(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("reset of a host that is not ours: %v", err)
	}
	n.stop()
	becomes(t, "gone", func() bool { return len(l.Connected()) == 0 })
	n.start(t)
	becomes(t, "connected again", connectedTo(l, 1))
	stop()
	if len(l.Responsive()) != 0 {
		t.Error("responsive while nobody asks")
	}
	if !l.connected(n.ID()) {
		t.Error("the leg closed a connection of the program")
	}
}

func TestLegOnFollowsItsHost(t *testing.T) {
	program, n, later := startNode(t), startNode(t), startNode(t)
	if err := program.Connect(t.Context(), peer.AddrInfo{ID: n.ID(), Addrs: n.Addrs()}); err != nil {
		t.Fatal(err)
	}
	l, stop := startLegOn(t, LegOptions{Host: program, Ping: PingOptions{Interval: 50 * time.Millisecond}})
	defer stop()
	becomes(t, "one responds", func() bool { return len(l.Responsive()) == 1 })
	if err := later.Connect(t.Context(), peer.AddrInfo{ID: program.ID(), Addrs: program.Addrs()}); err != nil {
		t.Fatal(err)
	}
	becomes(t, "both respond", func() bool { return len(l.Responsive()) == 2 && len(l.Targets()) == 2 })
	n.stop()
	becomes(t, "one responds", func() bool { return len(l.Responsive()) == 1 })
	becomes(t, "the link is gone", func() bool {
		l.mu.RLock()
		defer l.mu.RUnlock()
		return len(l.links) == 1
	})
	n.start(t)
	if err := program.Connect(t.Context(), peer.AddrInfo{ID: n.ID(), Addrs: n.Addrs()}); err != nil {
		t.Fatal(err)
	}
	becomes(t, "both respond", func() bool { return len(l.Responsive()) == 2 })
}

// A host that is not ours keeps a connection that hangs; it only no longer counts.
func TestLegOnClosesNothing(t *testing.T) {
	program, n := startNode(t), startNode(t)
	between := startProxy(t, "127.0.0.1:"+n.port(t))
	l, stop := startLegOn(t, LegOptions{
		Host: program, Targets: []string{n.at(between.addr)},
		Ping: PingOptions{Interval: 50 * time.Millisecond, Timeout: 100 * time.Millisecond, MaxFailures: 1},
	})
	defer stop()
	becomes(t, "responsive", func() bool { return len(l.Responsive()) == 1 })
	since := l.ConnectedSince()
	between.hangs.Store(true)
	becomes(t, "not responsive", func() bool { return len(l.Responsive()) == 0 })
	time.Sleep(400 * time.Millisecond)
	if !l.ConnectedSince().Equal(since) {
		t.Error("the connection was closed")
	}
	between.hangs.Store(false)
	becomes(t, "responsive again", func() bool { return len(l.Responsive()) == 1 })
}

func TestLegRunsOnce(t *testing.T) {
	program := startNode(t)
	l, stop := startLegOn(t, LegOptions{Host: program})
	defer stop()
	becomes(t, "running", l.running.Load)
	if err := l.Run(t.Context()); err == nil {
		t.Error("runs twice")
	}
	if _, err := NewLegOn(LegOptions{}); err == nil {
		t.Error("no host, no error")
	}
}
