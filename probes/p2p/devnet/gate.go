package devnet

import (
	"slices"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// gate keeps a node from those it is cut off from, in both directions. Whoever is not named may connect.
type gate struct {
	blocked atomic.Pointer[[]peer.ID]
}

var _ connmgr.ConnectionGater = (*gate)(nil)

// block replaces whom it is cut off from.
func (g *gate) block(peers []peer.ID) { g.blocked.Store(&peers) }

func (g *gate) peers() []peer.ID {
	if p := g.blocked.Load(); p != nil {
		return *p
	}
	return nil
}

func (g *gate) open(p peer.ID) bool { return !slices.Contains(g.peers(), p) }

func (g *gate) InterceptPeerDial(p peer.ID) bool           { return g.open(p) }
func (*gate) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }
func (*gate) InterceptAccept(network.ConnMultiaddrs) bool  { return true }
func (g *gate) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	return g.open(p)
}

func (g *gate) InterceptUpgraded(c network.Conn) (bool, control.DisconnectReason) {
	return g.open(c.RemotePeer()), 0
}
