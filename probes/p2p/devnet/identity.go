package devnet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// identity is the key of node i of the swarm with that seed: the same in every run and after every restart.
func identity(seed string, i int) (crypto.PrivKey, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "chorus devnet %q node %d", seed, i))
	return crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(sum[:]))
}

// parsePeers reads multiaddrs that end in /p2p/ID and lie on loopback.
func parsePeers(addrs []string) ([]peer.AddrInfo, error) {
	peers := make([]peer.AddrInfo, 0, len(addrs))
	for _, text := range addrs {
		addr, err := ma.NewMultiaddr(text)
		if err != nil {
			return nil, fmt.Errorf("peer %q: %w", text, err)
		}
		if !manet.IsIPLoopback(addr) {
			return nil, fmt.Errorf("peer %q: must be a loopback address: a devnet dials nothing else", text)
		}
		info, err := peer.AddrInfoFromP2pAddr(addr)
		if err != nil {
			return nil, fmt.Errorf("peer %q: must end in /p2p/ID: %w", text, err)
		}
		peers = append(peers, *info)
	}
	return peers, nil
}
