package devnet

import (
	"context"
	"sync"
	"time"

	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

const (
	// reconnectEvery is how often a node looks whether its connections stand.
	reconnectEvery = time.Second
	// dialTimeout bounds one attempt. A process that is stopped still accepts connections and then says nothing.
	dialTimeout = 3 * time.Second
)

// block cuts the node off from peers, and from nobody else.
func (n *node) block(peers []peer.ID) {
	n.gate.block(peers)
	n.hangUp()
}

// dial replaces the peers that the node keeps connections to. From the first time on it takes part in the election.
func (n *node) dial(targets []peer.AddrInfo) {
	n.mu.Lock()
	n.targets = targets
	n.mu.Unlock()
	n.election.join(time.Now())
	select {
	case n.rewired <- struct{}{}:
	default:
	}
}

// hangUp closes connections to those the node is cut off from.
func (n *node) hangUp() {
	for _, p := range n.gate.peers() {
		if err := n.host.Network().ClosePeer(p); err != nil {
			level.Debug(n.logger).Log("msg", "Closing a connection", "err", err)
		}
	}
}

// keepConnected dials until ctx is done: libp2p itself never reconnects.
func (n *node) keepConnected(ctx context.Context) {
	ticker := time.NewTicker(reconnectEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-n.rewired:
		}
		n.hangUp() // a connection that was being made while the gate closed
		n.connect(ctx)
	}
}

// connect dials, all at once, the targets that are not connected.
func (n *node) connect(ctx context.Context) {
	n.mu.Lock()
	targets := n.targets
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var dials sync.WaitGroup
	for _, target := range targets {
		if n.host.Network().Connectedness(target.ID) == network.Connected {
			continue
		}
		if s, ok := n.host.Network().(*swarm.Swarm); ok {
			s.Backoff().Clear(target.ID) // it grows from 5 seconds on, and a healed node should be back at once
		}
		dials.Go(func() {
			if err := n.host.Connect(ctx, target); err != nil {
				level.Debug(n.logger).Log("msg", "Dialling another node", "err", err)
			}
		})
	}
	dials.Wait()
}
