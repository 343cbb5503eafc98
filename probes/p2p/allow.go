package p2p

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/libp2p/go-libp2p/core/peer"
)

// allowList are the peers beside the targets that a leg may dial. Empty lists allow nobody.
type allowList struct {
	peers map[peer.ID]bool
	nets  []netip.Prefix
}

// parseAllowList reads peer ids and networks. All faults are reported, joined.
func parseAllowList(peers, nets []string) (allowList, error) {
	var list allowList
	var faults []error
	for n, text := range peers {
		id, err := peer.Decode(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("allow_peers[%d] %q: is not a peer id, write it like 12D3Koo…: %w", n, text, err))
			continue
		}
		if list.peers == nil {
			list.peers = make(map[peer.ID]bool, len(peers))
		}
		list.peers[id] = true
	}
	for n, text := range nets {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("allow_cidrs[%d] %q: is not a network, write it like 10.0.0.0/8: %w", n, text, err))
			continue
		}
		list.nets = append(list.nets, prefix.Masked())
	}
	return list, errors.Join(faults...)
}
