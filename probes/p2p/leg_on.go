package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// LegOptions say how a leg uses a host that a program has already.
type LegOptions struct {
	// Host stays the program's: the leg never closes it, nor a connection of it, and brings no gater. Required.
	Host host.Host
	// Name tells the leg apart in logs and metrics; default "host".
	Name string
	// Targets are peers to keep connections to, as multiaddrs; see ParseTargets. Without any, the leg dials nobody and
	// takes whoever the host is connected to as its targets, MaxTargets of them at most.
	Targets []string
	// Ping says how connections are tested. A peer that answers none is left alone: MaxFailures does not matter.
	Ping PingOptions
	// DialTimeout bounds one attempt to connect; default DefaultDialTimeout.
	DialTimeout time.Duration
	// Resolver resolves the names in targets; default is the system's.
	Resolver madns.BasicResolver
	// Metrics counts what the leg does; several legs may share one, which one of them registers. Optional.
	Metrics *LegMetrics
	// Logger gets connections that are lost, made and fail. Optional.
	Logger log.Logger
}

// NewLegOn makes a leg on the host of a program. It starts and dials nothing; Run does.
func NewLegOn(o LegOptions) (*Leg, error) {
	if o.Host == nil {
		return nil, errors.New("new p2p leg: no host, set LegOptions.Host")
	}
	errs := make([]error, 3)
	var targets []Target
	var names *resolver
	targets, errs[0] = ParseTargets(o.Targets, TargetOptions{QUIC: true, Own: []peer.ID{o.Host.ID()}})
	o.Ping, errs[1] = o.Ping.withDefaults()
	names, errs[2] = newResolver(o.Resolver, true)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("new p2p leg: %w", err)
	}
	if o.Metrics == nil {
		o.Metrics = NewLegMetrics()
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	l := newLeg(cmp.Or(o.Name, "host"), targets)
	l.host, l.follows, l.resolver, l.metrics = o.Host, len(targets) == 0, names, o.Metrics
	l.pinging.Store(&o.Ping)
	l.timeout = cmp.Or(o.DialTimeout, DefaultDialTimeout)
	l.logger = log.With(o.Logger, "component", "p2p/"+l.name)
	return l, nil
}

// follow gives a peer of a host that is not ours a link for as long as it is connected.
func (l *Leg) follow(ctx context.Context, links *sync.WaitGroup, id peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.links[id] != nil || len(l.links) >= MaxTargets {
		return
	}
	k := newLink(l, Target{ID: id})
	l.links[id] = k
	links.Go(func() {
		k.run(ctx)
		l.mu.Lock()
		delete(l.links, id)
		l.mu.Unlock()
		if ctx.Err() == nil && l.connected(id) { // came back between the two
			l.follow(ctx, links, id)
		}
	})
}
