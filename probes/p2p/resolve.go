package p2p

import (
	"context"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// Bounds of a resolution: what names point to is foreign.
const (
	maxResolved         = 32 // addresses of one target
	maxDNSAddrRecursion = 4  // dnsaddr records that point to further dnsaddr records
)

// resolver turns the names in a target's addresses into IP addresses.
type resolver struct {
	dns  network.MultiaddrDNSResolver
	quic bool
}

// newResolver uses basic, or the system's resolver if that is nil.
func newResolver(basic madns.BasicResolver, quic bool) (*resolver, error) {
	var options []madns.Option
	if basic != nil {
		options = append(options, madns.WithDefaultResolver(basic))
	}
	r, err := madns.NewResolver(options...)
	if err != nil {
		return nil, fmt.Errorf("make resolver: %w", err)
	}
	return &resolver{dns: swarm.ResolverFromMaDNS{Resolver: r}, quic: quic}, nil
}

// resolve returns the addresses a target has now. It fails only if there is none; what can't be dialled is left out.
func (r *resolver) resolve(ctx context.Context, t Target) ([]ma.Multiaddr, error) {
	var found []ma.Multiaddr
	var faults []error
	for _, addr := range t.Addrs {
		resolved, err := r.resolveOne(ctx, t.ID, addr)
		if err != nil {
			faults = append(faults, fmt.Errorf("resolve %s: %w", addr, err))
		}
		found = append(found, resolved...)
	}
	found = ma.Unique(found)
	if len(found) > 0 {
		return found[:min(len(found), maxResolved)], nil
	}
	if len(faults) == 0 {
		faults = append(faults, errors.New("resolve: the names of this target stand for no address that can be dialled"))
	}
	return nil, errors.Join(faults...)
}

// resolveOne resolves dnsaddr first, whose records may hold names themselves, then those.
func (r *resolver) resolveOne(ctx context.Context, id peer.ID, addr ma.Multiaddr) ([]ma.Multiaddr, error) {
	addrs := []ma.Multiaddr{addr}
	if addr[0].Protocol().Code == ma.P_DNSADDR {
		var err error // with the id, only the records of this peer match
		if addrs, err = r.dns.ResolveDNSAddr(ctx, id, withID(addr, id), maxDNSAddrRecursion, maxResolved); err != nil {
			return nil, err
		}
	}
	var found []ma.Multiaddr
	var faults []error
	for _, a := range addrs {
		bare, _ := peer.SplitAddr(a)
		if bare == nil || dialable(bare, r.quic) != nil {
			continue
		}
		resolved, err := r.dns.ResolveDNSComponent(ctx, bare, maxResolved)
		if err != nil {
			faults = append(faults, err)
		}
		for _, a := range resolved {
			if a[0].Protocol().Code != ma.P_DNSADDR { // deeper than we follow
				found = append(found, a)
			}
		}
	}
	return found, errors.Join(faults...)
}

// withID is addr with the peer id behind it.
func withID(addr ma.Multiaddr, id peer.ID) ma.Multiaddr {
	suffix, err := ma.NewComponent("p2p", id.String())
	if err != nil { // the id was parsed from such a component
		return addr
	}
	return addr.Encapsulate(suffix.Multiaddr())
}
