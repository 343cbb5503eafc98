// Package dht has the probes of a Kademlia DHT: a fresh value that other nodes must hold byte for byte, and how many nodes
// hold what is watched. The program brings the host, such as a leg of probes/p2p, or a DHT of its own.
package dht

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/protocol"

	"chorus/probes"
	"chorus/probes/p2p/healthrecord"
)

// The namespaces a probe record may live in.
const (
	NamespaceHealth = healthrecord.Namespace // the cluster runs healthrecord.Validator
	NamespaceIPNS   = "ipns"                 // any cluster with the default validators
)

// Defaults of Options.
const (
	DefaultProtocolPrefix  = protocol.ID("/chorus")
	DefaultBucketSize      = 20 // the k of Kademlia, as in kad-dht
	DefaultMinHolders      = 1
	DefaultConcurrency     = 10
	DefaultPeerWait        = 5 * time.Second
	DefaultLookupTimeout   = 5 * time.Second
	DefaultRPCTimeout      = 2 * time.Second
	DefaultPropagationWait = 100 * time.Millisecond
)

// maxBucketSize bounds how many nodes one run may ask.
const maxBucketSize = 256

// HostOwner has a libp2p host, such as a Leg. While it has a method Settled() bool, as a Leg does, that returns false, a run
// waits for more nodes to ask, at most PeerWait.
type HostOwner interface {
	Host() host.Host // nil while there is none
}

// Options says in which DHT to put and get, and how patiently. A run takes at most the sum of PeerWait, LookupTimeout,
// PropagationWait and, for every Concurrency of the nodes asked, twice RPCTimeout (in the first run three times); less
// if its context ends before, each step getting a share of its time. Where nobody hangs it takes milliseconds and the
// PropagationWait.
type Options struct {
	// Leg gives the host on which Run keeps a Kademlia client. Either Leg or DHT is required.
	Leg HostOwner
	// DHT is one that the embedding program has; it is asked through its own message sender, and never closed. Its own
	// store counts for nothing.
	DHT *dht.IpfsDHT
	// ProtocolPrefix stands before /kad/1.0.0 in the protocol that the cluster's nodes speak; default
	// DefaultProtocolPrefix.
	ProtocolPrefix protocol.ID
	// Namespace is where the probe's record lives, NamespaceHealth (the default) or NamespaceIPNS.
	Namespace string
	// BucketSize is how many nodes should hold a value, the cluster's k; default DefaultBucketSize, that of DHT if given.
	BucketSize int
	// MinHolders is how many other nodes must hold the value for a run to pass; default DefaultMinHolders.
	MinHolders int
	// Concurrency bounds the requests that are under way at once; default DefaultConcurrency.
	Concurrency int
	// PeerWait is how long a run waits for a node to ask while none is connected; default DefaultPeerWait.
	PeerWait time.Duration
	// LookupTimeout bounds the search for the closest nodes, what was found by then is asked; default
	// DefaultLookupTimeout.
	LookupTimeout time.Duration
	// RPCTimeout bounds every single request to a node; default DefaultRPCTimeout.
	RPCTimeout time.Duration
	// PropagationWait passes between the put and the get; default DefaultPropagationWait.
	PropagationWait time.Duration
}

// complete fills the zero fields with their defaults and checks the rest.
func (o Options) complete() (Options, error) {
	if o.DHT != nil {
		o.BucketSize = cmp.Or(o.BucketSize, o.DHT.BucketSize())
	}
	o.ProtocolPrefix = cmp.Or(o.ProtocolPrefix, DefaultProtocolPrefix)
	o.Namespace = cmp.Or(o.Namespace, NamespaceHealth)
	o.BucketSize = cmp.Or(o.BucketSize, DefaultBucketSize)
	o.MinHolders = cmp.Or(o.MinHolders, DefaultMinHolders)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.PeerWait = cmp.Or(o.PeerWait, DefaultPeerWait)
	o.LookupTimeout = cmp.Or(o.LookupTimeout, DefaultLookupTimeout)
	o.RPCTimeout = cmp.Or(o.RPCTimeout, DefaultRPCTimeout)
	o.PropagationWait = cmp.Or(o.PropagationWait, DefaultPropagationWait)
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("new DHT probe: "+format, args...))
	}
	if (o.Leg == nil) == (o.DHT == nil) {
		fault("set one of Options.Leg and Options.DHT")
	}
	if o.Namespace != NamespaceHealth && o.Namespace != NamespaceIPNS {
		fault("namespace %q: use %s or %s", o.Namespace, NamespaceHealth, NamespaceIPNS)
	}
	if o.ProtocolPrefix == dht.DefaultPrefix && (o.Namespace != NamespaceIPNS || o.BucketSize != DefaultBucketSize) {
		fault("protocol prefix %s: its nodes take namespace %s and bucket size %d alone, not %s and %d",
			o.ProtocolPrefix, NamespaceIPNS, DefaultBucketSize, o.Namespace, o.BucketSize)
	}
	if o.ProtocolPrefix[0] != '/' {
		fault("protocol prefix %q: begin it with a slash", o.ProtocolPrefix)
	}
	if o.BucketSize < 1 || o.BucketSize > maxBucketSize {
		fault("bucket size %d: use 1 to %d", o.BucketSize, maxBucketSize)
	}
	if o.MinHolders < 1 || o.MinHolders > o.BucketSize {
		fault("minimum of holders %d: use 1 to %d, the bucket size", o.MinHolders, o.BucketSize)
	}
	if o.Concurrency < 1 {
		fault("concurrency %d: use 1 or more", o.Concurrency)
	}
	if min(o.PeerWait, o.LookupTimeout, o.RPCTimeout, o.PropagationWait) < 0 {
		fault("peer wait %v, lookup timeout %v, RPC timeout %v and propagation wait %v must be positive",
			o.PeerWait, o.LookupTimeout, o.RPCTimeout, o.PropagationWait)
	}
	return o, errors.Join(faults...)
}

// Probe is a Probe that puts a fresh signed value to the nodes closest to its key and asks each of them for it, one
// request a node: neither the own store nor a read that repairs can make it pass. It keeps one record in the swarm,
// whatever the number of runs. It also is a prometheus.Collector. Several checks may share one: runs queue up.
type Probe struct {
	options Options
	metrics dhtMetrics
	now     func() time.Time
	holders atomic.Int64 // MinHolders in force, see ApplyMinHolders

	turn     chan struct{} // held by whoever puts: the sequences of our one record must rise
	requests chan struct{} // one for each request under way

	mu   sync.Mutex
	node *dhtNode // nil while there is no DHT to ask
	seq  sequence
}

// New checks the options. It starts nothing and asks nobody.
func New(o Options) (*Probe, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	d := &Probe{
		options:  o,
		metrics:  newDHTMetrics(),
		now:      time.Now,
		turn:     make(chan struct{}, 1),
		requests: make(chan struct{}, o.Concurrency),
	}
	d.holders.Store(int64(o.MinHolders))
	if o.DHT != nil {
		if d.node, err = newDHTNode(o, o.DHT.Host(), o.DHT, o.DHT.MessageSender()); err != nil {
			return nil, fmt.Errorf("new DHT probe: %w", err)
		}
	}
	return d, nil
}

// Run keeps the Kademlia client of a leg until ctx is done; the leg's own Run keeps the connections. With a DHT of the
// embedding program it only waits, and runs pass without it. One Run at a time.
func (d *Probe) Run(ctx context.Context) error {
	if d.options.DHT != nil {
		<-ctx.Done()
		return nil
	}
	h := d.options.Leg.Host()
	if h == nil {
		return errors.New("run DHT client: the leg has no host")
	}
	sender := newDHTSender(h, d.options)
	kad, err := dht.New(h, clientOptions(d.options, sender)...)
	if err != nil {
		return fmt.Errorf("run DHT client: %w", err)
	}
	n, err := newDHTNode(d.options, h, kad, sender)
	if err == nil {
		err = d.attach(n)
	}
	if err == nil {
		<-ctx.Done()
		d.detach()
	}
	if cerr := kad.Close(); cerr != nil {
		err = errors.Join(err, fmt.Errorf("close DHT client: %w", cerr))
	}
	return err
}

// clientOptions make a DHT that stores nothing, serves nothing and dials nobody on its own account. Its buckets are never
// smaller than the library's: kad-dht adds every connected node while its table holds 10 or fewer, so with a full bucket of
// less it replaces one node by another without end, asking each.
func clientOptions(o Options, sender *dhtSender) []dht.Option {
	options := []dht.Option{
		dht.ProtocolPrefix(o.ProtocolPrefix), dht.BucketSize(max(o.BucketSize, DefaultBucketSize)), dht.Mode(dht.ModeClient),
		dht.DisableAutoRefresh(), dht.WithCustomMessageSender(sender.build),
		dht.RoutingTableRefreshQueryTimeout(o.RPCTimeout),
	}
	if o.ProtocolPrefix != dht.DefaultPrefix { // there kad-dht insists on both stores
		options = append(options, dht.DisableValues(), dht.DisableProviders())
	}
	return options
}

func (d *Probe) attach(n *dhtNode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.node != nil {
		return errors.New("run DHT client: it runs already")
	}
	d.node = n
	return nil
}

func (d *Probe) detach() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.node = nil
}

// attached is what to ask with.
func (d *Probe) attached() (*dhtNode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.node == nil {
		return nil, probes.WithReason(probes.ReasonWarmingUp, errors.New("the DHT client is not running"))
	}
	return d.node, nil
}
