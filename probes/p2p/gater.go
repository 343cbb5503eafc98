package p2p

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// gater decides whom a leg of ours may be connected to. Others tell our hosts whom to dial (peer exchange of GossipSub,
// the closer peers of a DHT answer), so without a list anybody could steer our dials to a victim of his choice.
//
// A dial may go
//   - to a target, at one of its own addresses as last resolved, or at one within the allowed networks;
//   - to another peer only if peers or networks are allowed: who it is must be on the list of peers where there is one,
//     and where it is must lie in the allowed networks where there are any.
//
// Nobody may connect to us, and our own hosts may not meet.
type gater struct {
	own     []peer.ID
	peers   map[peer.ID]bool
	nets    []netip.Prefix
	refused func() // counts a refused dial

	mu      sync.RWMutex
	targets map[peer.ID][]ma.Multiaddr
}

func newGater(targets []Target, own []peer.ID, allow allowList, refused func()) *gater {
	g := &gater{own: own, peers: allow.peers, nets: allow.nets, refused: refused, targets: make(map[peer.ID][]ma.Multiaddr)}
	for _, t := range targets {
		g.targets[t.ID] = nil // its addresses come when it is dialled
	}
	return g
}

// setAddrs says where a target is now.
func (g *gater) setAddrs(id peer.ID, addrs []ma.Multiaddr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.targets[id] = addrs
}

// target says whether a peer is a target, and where.
func (g *gater) target(id peer.ID) (addrs []ma.Multiaddr, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	addrs, ok = g.targets[id]
	return addrs, ok
}

// allowsPeer says whether a peer may be dialled at some address.
func (g *gater) allowsPeer(id peer.ID) bool {
	if slices.Contains(g.own, id) {
		return false
	}
	if _, ok := g.target(id); ok || g.peers[id] {
		return true
	}
	return len(g.peers) == 0 && len(g.nets) > 0
}

// allowsAddr says whether a peer that may be dialled may be dialled at this address.
func (g *gater) allowsAddr(id peer.ID, addr ma.Multiaddr) bool {
	addrs, target := g.target(id)
	if target && slices.ContainsFunc(addrs, addr.Equal) {
		return true
	}
	if len(g.nets) == 0 {
		return !target // a listed peer, then
	}
	ip, err := manet.ToIP(addr)
	if err != nil {
		return false
	}
	where, ok := netip.AddrFromSlice(ip)
	return ok && slices.ContainsFunc(g.nets, func(n netip.Prefix) bool { return n.Contains(where.Unmap()) })
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g *gater) InterceptPeerDial(id peer.ID) bool { return g.count(g.allowsPeer(id)) }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (g *gater) InterceptAddrDial(id peer.ID, addr ma.Multiaddr) bool {
	return g.count(g.allowsPeer(id) && g.allowsAddr(id, addr))
}

// InterceptAccept implements connmgr.ConnectionGater: nobody may connect to us.
func (g *gater) InterceptAccept(network.ConnMultiaddrs) bool { return false }

// InterceptSecured implements connmgr.ConnectionGater.
func (g *gater) InterceptSecured(d network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	return d == network.DirOutbound && g.allowsPeer(id)
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gater) InterceptUpgraded(c network.Conn) (bool, control.DisconnectReason) {
	return c.Stat().Direction == network.DirOutbound, 0
}

func (g *gater) count(allowed bool) bool {
	if !allowed {
		g.refused()
	}
	return allowed
}
