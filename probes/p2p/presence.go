package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/pnet"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	madns "github.com/multiformats/go-multiaddr-dns"
	"github.com/prometheus/client_golang/prometheus"
)

// DefaultDialTimeout bounds one attempt to connect to a target: names, TCP, handshakes.
const DefaultDialTimeout = 5 * time.Second

// PresenceOptions say who we are and whom we watch.
type PresenceOptions struct {
	// Identity holds our keys. Required.
	Identity *Identity
	// Targets are the cluster's nodes as multiaddrs that end in /p2p/ID; see ParseTargets. One is required. The first half
	// is what gossip-a is attached to, the rest what gossip-b is.
	Targets []string
	// PSK is the key of a private network; see LoadPSK. Optional.
	PSK pnet.PSK
	// QUIC allows addresses /udp/…/quic-v1. Private networks have no QUIC.
	QUIC bool
	// AllowPeers and AllowCIDRs say which nodes beside the targets the DHT leg may dial when a lookup names them: peers on
	// the first list, where there is one, at addresses in the second, where there is one. Without either it dials targets
	// only, and probes see no other DHT server. Peers without networks are dialled wherever somebody says they are.
	AllowPeers, AllowCIDRs []string
	// MaxPeers bounds the nodes beside its targets that the DHT leg is connected to; default DefaultMaxPeers, which states
	// what follows from it.
	MaxPeers int
	// Ping says how connections are tested.
	Ping PingOptions
	// DialTimeout bounds one attempt to connect; default DefaultDialTimeout.
	DialTimeout time.Duration
	// Resolver resolves the names in targets; default is the system's.
	Resolver madns.BasicResolver
	// SwarmTracer and LimitReporter get what libp2p itself measures. Optional; collectors/p2p has both.
	SwarmTracer   swarm.MetricsTracer
	LimitReporter rcmgr.TraceReporter
	// Logger gets connections that are lost, made and fail. Optional.
	Logger log.Logger
}

// Presence is our three hosts in a cluster. They dial only, hold on to their connections and never meet: what goes from
// gossip-a to gossip-b has passed through the cluster. It is a prometheus.Collector of what its legs count. All
// methods are safe for concurrent use.
type Presence struct {
	*LegMetrics
	legs [len(legNames)]*Leg

	ran    atomic.Bool
	close  sync.Once
	closed error
}

var _ prometheus.Collector = (*Presence)(nil)

// NewPresence checks the options and assembles the hosts, with the goroutines that libp2p gives them. Nobody is dialled
// before Run. Who never runs it must Close it.
func NewPresence(o PresenceOptions) (*Presence, error) {
	plan, err := o.plan()
	if err != nil {
		return nil, fmt.Errorf("new p2p presence: %w", err)
	}
	p := &Presence{LegMetrics: NewLegMetrics()}
	for n, name := range legNames {
		leg, err := plan.newLeg(n, p.LegMetrics)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("new p2p presence: leg %s: %w", name, err), p.Close())
		}
		p.legs[n] = leg
	}
	return p, nil
}

// A is the leg that publishes: gossip-a.
func (p *Presence) A() *Leg { return p.legs[0] }

// B is the leg that receives: gossip-b.
func (p *Presence) B() *Leg { return p.legs[1] }

// DHT is the leg that asks DHT servers. It has all targets.
func (p *Presence) DHT() *Leg { return p.legs[2] }

// Responsive are the targets that are connected to at least one leg and answer it; see Leg.Responsive. Of a node that one
// leg can't reach, the probes over that leg tell.
func (p *Presence) Responsive() []peer.ID {
	var ids []peer.ID
	for _, l := range p.legs {
		ids = append(ids, l.Responsive()...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Run keeps all connections until ctx is done, closes the hosts and returns nil when all has ended. It runs once.
func (p *Presence) Run(ctx context.Context) error {
	if !p.ran.CompareAndSwap(false, true) {
		return errors.New("run p2p presence: it runs once, and has run already")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(p.legs))
	var legs sync.WaitGroup
	for n, l := range p.legs {
		legs.Go(func() {
			defer cancel() // one that ends takes the others along
			errs[n] = l.Run(ctx)
		})
	}
	legs.Wait()
	return errors.Join(errors.Join(errs...), p.Close())
}

// Close closes the hosts and all their connections. Run does so itself; closing twice is harmless.
func (p *Presence) Close() error {
	p.close.Do(func() {
		var errs []error
		for _, l := range p.legs {
			if l != nil {
				errs = append(errs, l.host.Close())
			}
		}
		p.closed = errors.Join(errs...)
	})
	return p.closed
}
