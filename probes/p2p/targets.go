package p2p

import (
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Bounds of a configuration.
const (
	MaxTargets     = 256 // cluster nodes
	maxTargetAddrs = 16  // addresses of one of them
)

// Target is a cluster node: its peer id, and where it may be dialled. The addresses carry no /p2p/ part; names in them
// are resolved when it is dialled, every time.
type Target struct {
	ID    peer.ID
	Addrs []ma.Multiaddr
}

// TargetOptions say what a target may be.
type TargetOptions struct {
	QUIC bool      // addresses /udp/…/quic-v1 are allowed
	Own  []peer.ID // ids of hosts that are ours: no witness
}

// ParseTargets reads multiaddrs such as /dns4/node-1.example/tcp/4001/p2p/12D3Koo…, keeping their order. Several
// addresses of one peer are one target, an address given twice counts once. All faults are reported, joined; each
// names index, value and what to write instead.
func ParseTargets(texts []string, o TargetOptions) ([]Target, error) {
	var targets []Target
	var faults []error
	at := make(map[peer.ID]int, len(texts))
	for n, text := range texts {
		id, addr, err := parseTarget(text, o)
		if err == nil {
			i, known := at[id]
			if !known {
				i, at[id] = len(targets), len(targets)
				targets = append(targets, Target{ID: id})
			}
			t := &targets[i]
			if !slices.ContainsFunc(t.Addrs, addr.Equal) {
				t.Addrs = append(t.Addrs, addr)
			}
			if len(t.Addrs) > maxTargetAddrs {
				err = fmt.Errorf("is address %d of this peer, give %d at most", len(t.Addrs), maxTargetAddrs)
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("targets[%d] %q: %w", n, text, err))
		}
	}
	if len(targets) > MaxTargets {
		faults = append(faults, fmt.Errorf("%d targets, give %d at most", len(targets), MaxTargets))
	}
	return targets, errors.Join(faults...)
}

// parseTarget splits one text into peer id and address.
func parseTarget(text string, o TargetOptions) (peer.ID, ma.Multiaddr, error) {
	whole, err := ma.NewMultiaddr(text)
	if err != nil {
		return "", nil, fmt.Errorf("is not a multiaddr, write it like /dns4/node-1.example/tcp/4001/p2p/12D3Koo…: %w", err)
	}
	addr, id := peer.SplitAddr(whole)
	switch {
	case id == "":
		return "", nil, errors.New("does not end in the peer id, append /p2p/ID: without it nobody knows who answers")
	case addr == nil:
		return "", nil, errors.New("has no address, put one before /p2p/, such as /ip4/192.0.2.1/tcp/4001")
	case slices.Contains(o.Own, id):
		return "", nil, errors.New("is one of our own hosts, which prove nothing: remove it")
	}
	if err := dialable(addr, o.QUIC); err != nil {
		return "", nil, err
	}
	return id, addr, nil
}

// dialable says why an address can't be dialled: our hosts know TCP and, on request, QUIC.
func dialable(addr ma.Multiaddr, quic bool) error {
	var shape []string
	for _, c := range addr {
		switch c.Protocol().Code {
		case ma.P_IP6ZONE: // goes before ip6
		case ma.P_IP4, ma.P_IP6, ma.P_DNS, ma.P_DNS4, ma.P_DNS6:
			shape = append(shape, "host")
		default:
			shape = append(shape, c.Protocol().Name)
		}
	}
	switch {
	case slices.Equal(shape, []string{"host", "tcp"}), slices.Equal(shape, []string{"dnsaddr"}):
		return nil
	case !slices.Equal(shape, []string{"host", "udp", "quic-v1"}):
		return errors.New("can't be dialled, use /ip4, /ip6, /dns, /dns4 or /dns6 with /tcp/PORT, or /dnsaddr")
	case !quic:
		return errors.New("needs QUIC, which is off: switch it on or use a /tcp/PORT address")
	}
	return nil
}

// halves splits targets into those of gossip-a and those of gossip-b: the first half and the rest, so that who writes
// the list decides what lies between the two. With one target both legs have it.
func halves(targets []Target) (a, b []Target) {
	if len(targets) < 2 {
		return targets, targets
	}
	half := (len(targets) + 1) / 2
	return targets[:half], targets[half:]
}
