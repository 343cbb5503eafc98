// Package p2p probes a libp2p cluster from the outside: messages that must travel through its nodes, values that they must
// hold, heartbeats of its leader. It joins with slim, dial-only hosts of its own (legs), or works on what a program
// already has. A probe passes only with a witness other than ourselves.
package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
)

// Leg is a libp2p host with the targets it keeps connections to, each of which it pings. Its methods are safe for
// concurrent use.
type Leg struct {
	name     string
	host     host.Host
	owned    bool   // the host is ours, and with it every connection
	gater    *gater // of an owned host
	follows  bool   // has no targets of its own but whoever is connected
	resolver *resolver
	pinging  atomic.Pointer[PingOptions]
	timeout  time.Duration // of one dial
	metrics  *LegMetrics
	logger   log.Logger

	running atomic.Bool
	mu      sync.RWMutex
	order   []peer.ID // of the targets, as configured
	links   map[peer.ID]*link
}

// Host is the leg's libp2p host, which the leg or whoever made it owns. Nothing but the leg may close it.
func (l *Leg) Host() host.Host { return l.host }

// Name tells the legs apart in logs and metrics: gossip-a, gossip-b, dht.
func (l *Leg) Name() string { return l.name }

// Targets are the peers that the leg keeps connections to, in the order of the configuration. Of a leg without targets
// of its own they are the connected peers.
func (l *Leg) Targets() []peer.ID {
	if l.follows {
		return l.host.Network().Peers()
	}
	return slices.Clone(l.order)
}

// Connected are the targets it is connected to now. A connection may be there and carry nothing, see Responsive.
func (l *Leg) Connected() []peer.ID {
	return slices.DeleteFunc(l.Targets(), func(id peer.ID) bool { return !l.connected(id) })
}

// Responsive are the targets that are connected and, as far as we know, answer. A target counts from the moment it is
// connected until a ping over that connection is not answered in time, and then again once one is answered; being
// dialled again in between does not make it count. While Run is not at work nobody is asked, so nobody counts.
func (l *Leg) Responsive() []peer.ID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var ids []peer.ID
	for id, k := range l.links {
		if k.watched && !k.silent && l.connected(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ConnectedSince is when the newest of the present connections to targets was made (monotonic); zero without one.
// GossipSub needs a few heartbeats after it.
func (l *Leg) ConnectedSince() time.Time {
	var newest time.Time
	for _, id := range l.Targets() {
		if t := l.since(id); t.After(newest) {
			newest = t
		}
	}
	return newest
}

// Settled reports whether every target has been connected once, or a dial of it has failed. Who asks the nodes before that
// asks fewer than there are.
func (l *Leg) Settled() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, k := range l.links {
		if !k.tried {
			return false
		}
	}
	return true
}

// since is when a peer was connected: the oldest of the connections to it counts.
func (l *Leg) since(id peer.ID) time.Time {
	var oldest time.Time
	for _, c := range l.host.Network().ConnsToPeer(id) {
		if t := c.Stat().Opened; oldest.IsZero() || t.Before(oldest) {
			oldest = t
		}
	}
	return oldest
}

func (l *Leg) connected(id peer.ID) bool {
	return l.host.Network().Connectedness(id) == network.Connected
}

// Run keeps the connections until ctx is done and returns nil when all it started has ended. Connections that are there
// then stay until the host is closed, which Run does not do.
func (l *Leg) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return fmt.Errorf("run leg %s: already running", l.name)
	}
	defer l.running.Store(false)
	events, err := l.host.EventBus().Subscribe(new(event.EvtPeerConnectednessChanged),
		eventbus.Name("chorus/"+l.name), eventbus.BufSize(256))
	if err != nil {
		return fmt.Errorf("run leg %s: subscribe to connection events: %w", l.name, err)
	}
	defer events.Close()
	var links sync.WaitGroup
	defer links.Wait()
	for _, k := range l.present() {
		links.Go(func() { k.run(ctx) })
	}
	if l.follows {
		for _, id := range l.host.Network().Peers() {
			l.follow(ctx, &links, id)
		}
	}
	for { // whoever subscribes must read on, or the host blocks
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-events.Out():
			if !ok {
				return errors.Join(ctx.Err(), fmt.Errorf("run leg %s: the host was closed", l.name))
			}
			changed := e.(event.EvtPeerConnectednessChanged)
			if l.follows && changed.Connectedness == network.Connected {
				l.follow(ctx, &links, changed.Peer)
			}
			l.notify(changed.Peer)
		}
	}
}

// present are the links to the configured targets.
func (l *Leg) present() []*link {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []*link
	for _, id := range l.order {
		all = append(all, l.links[id])
	}
	return all
}

// notify tells the link to a peer that something happened to its connection.
func (l *Leg) notify(id peer.ID) {
	l.mu.RLock()
	k := l.links[id]
	l.mu.RUnlock()
	if k != nil {
		k.nudge()
	}
}

// Reset closes every connection to a target and dials again at once: the way out of connections that are there and carry
// nothing. It returns when each target was dialled, with an error if none is connected, or when ctx is done; dialling
// goes on then. On a host that is not ours it closes nothing and returns errors.ErrUnsupported.
func (l *Leg) Reset(ctx context.Context) error {
	switch {
	case !l.owned:
		return fmt.Errorf("reset leg %s: the connections belong to the program: %w", l.name, errors.ErrUnsupported)
	case !l.running.Load():
		return fmt.Errorf("reset leg %s: it is not running", l.name)
	}
	l.metrics.resets.WithLabelValues(l.name).Inc()
	level.Warn(l.logger).Log("msg", "Leg reset: connections closed, dialling again")
	var dialled sync.WaitGroup
	for _, k := range l.present() {
		dialled.Go(func() { k.reset(ctx) })
	}
	dialled.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reset leg %s: %w", l.name, err)
	}
	if len(l.Connected()) == 0 {
		return fmt.Errorf("reset leg %s: none of %d targets could be connected", l.name, len(l.order))
	}
	return nil
}
