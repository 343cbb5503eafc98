package p2p

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// dial connects to a target, at the addresses that its names stand for now.
func (l *Leg) dial(ctx context.Context, t Target) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	addrs, err := l.resolver.resolve(ctx, t)
	if err != nil {
		return err
	}
	if l.owned {
		l.forgetAddrs(t.ID, addrs)
	} else {
		l.host.Peerstore().AddAddrs(t.ID, addrs, peerstore.TempAddrTTL)
	}
	// After a failed dial the swarm refuses others for 5 s and more; our own pace is politer than that at its end and
	// quicker at its beginning.
	if n, ok := l.host.Network().(interface{ Backoff() *swarm.DialBackoff }); ok {
		n.Backoff().Clear(t.ID)
	}
	// Not host.Connect: that waits for identify too, and a node that hangs there would count as connected meanwhile
	// without a ping under way. The first ping waits for it, with its own timeout.
	if _, err := l.host.Network().DialPeer(ctx, t.ID); err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	return nil
}

// forgetAddrs leaves a target of a host of ours with these addresses only: not with those it announced, nor with those
// that others say it has, nor with what its names stood for before.
func (l *Leg) forgetAddrs(id peer.ID, addrs []ma.Multiaddr) {
	l.gater.setAddrs(id, addrs)
	known := l.host.Peerstore()
	known.ClearAddrs(id)
	known.AddAddrs(id, addrs, peerstore.PermanentAddrTTL) // is not refused when others have filled the address book
}
