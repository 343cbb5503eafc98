package p2p

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/go-kit/log"
	"github.com/libp2p/go-libp2p/core/peer"
)

// plan is what follows from valid options.
type plan struct {
	options  PresenceOptions
	targets  []Target
	allow    allowList
	resolver *resolver
}

func (o PresenceOptions) plan() (*plan, error) {
	o.MaxPeers = cmp.Or(o.MaxPeers, DefaultMaxPeers)
	o.DialTimeout = cmp.Or(o.DialTimeout, DefaultDialTimeout)
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	if o.Identity == nil {
		return nil, errors.New("no identity, set PresenceOptions.Identity")
	}
	var faults []error
	if len(o.Targets) == 0 {
		faults = append(faults, errors.New("no targets, list at least one node of the cluster"))
	}
	if n := len(o.PSK); n != 0 && n != 32 {
		faults = append(faults, fmt.Errorf("the private network key has %d bytes instead of 32, read it with LoadPSK", n))
	}
	if o.QUIC && o.PSK != nil {
		faults = append(faults, errors.New("a private network (PSK) has no QUIC: switch off one of the two"))
	}
	if o.MaxPeers < 1 || o.DialTimeout < 0 {
		faults = append(faults, fmt.Errorf("max peers %d and dial timeout %v must be positive", o.MaxPeers, o.DialTimeout))
	}
	p := &plan{}
	errs := make([]error, 4)
	p.targets, errs[0] = ParseTargets(o.Targets, TargetOptions{QUIC: o.QUIC, Own: o.Identity.PeerIDs()})
	p.allow, errs[1] = parseAllowList(o.AllowPeers, o.AllowCIDRs)
	o.Ping, errs[2] = o.Ping.withDefaults()
	p.resolver, errs[3] = newResolver(o.Resolver, o.QUIC)
	p.options = o
	return p, errors.Join(append(faults, errs...)...)
}

// newLeg makes one of the three legs with its host.
func (p *plan) newLeg(n int, m *LegMetrics) (*Leg, error) {
	o, name := p.options, legNames[n]
	targets, allow, maxPeers := p.targets, allowList{}, 0
	switch name {
	case GossipA:
		targets, _ = halves(p.targets)
	case GossipB:
		_, targets = halves(p.targets)
	case DHT:
		allow, maxPeers = p.allow, o.MaxPeers
	}
	l := newLeg(name, targets)
	l.owned, l.resolver, l.timeout, l.metrics = true, p.resolver, o.DialTimeout, m
	l.pinging.Store(&o.Ping)
	l.logger = log.With(o.Logger, "component", "p2p/"+name)
	l.gater = newGater(targets, o.Identity.PeerIDs(), allow, m.refused.WithLabelValues(name).Inc)
	m.resets.WithLabelValues(name)
	h, err := newHost(hostOptions{
		key: o.Identity.keys[n], gater: l.gater, maxPeers: len(targets) + maxPeers, trim: maxPeers > 0,
		psk: o.PSK, quic: o.QUIC, dialTimeout: o.DialTimeout, swarmTracer: o.SwarmTracer, limitReporter: o.LimitReporter,
	})
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		h.ConnManager().Protect(t.ID, "target")
	}
	l.host = h
	return l, nil
}

// newLeg makes a leg without a host.
func newLeg(name string, targets []Target) *Leg {
	l := &Leg{name: name, links: make(map[peer.ID]*link, len(targets))}
	for _, t := range targets {
		l.order = append(l.order, t.ID)
		l.links[t.ID] = newLink(l, t)
	}
	return l
}
