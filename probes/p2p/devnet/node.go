package devnet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-kit/log"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// node is one running node. It owns its host and all its goroutines.
type node struct {
	config   nodeConfig
	logger   log.Logger
	gate     *gate
	link     *link
	records  *recordStore
	host     host.Host
	dht      *dht.IpfsDHT
	pubsub   *pubsub.PubSub
	topics   topics
	election *election
	queue    *queue
	flood    flood
	writers  *writers
	received atomic.Uint64 // on the health topics

	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	targets []peer.AddrInfo // whom to keep a connection to
	rewired chan struct{}   // of size 1: targets changed
}

// startNode starts a node. It dials nobody yet. The caller closes it.
func startNode(ctx context.Context, c nodeConfig, validators map[string]record.Validator, logger log.Logger) (*node, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("start node %d: %w", c.Index, err)
	}
	key, err := identity(c.Seed, c.Index)
	if err != nil {
		return nil, err
	}
	n := &node{
		config:  c,
		gate:    &gate{},
		link:    &link{},
		records: newRecordStore(),
		queue:   newQueue(c.TaskWorkers, c.TaskQueue),
		rewired: make(chan struct{}, 1),
		flood:   newFlood(),
		writers: newWriters(),
	}
	if n.host, err = n.listen(ctx, key); err != nil {
		return nil, fmt.Errorf("start node %d: %w", c.Index, err)
	}
	n.logger = log.With(logger, "peer", n.host.ID())
	// A node outlives the call that started it: closing it is what ends it.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stop = stop
	n.election = newElection(n.host.ID(), time.Now(), c.HeartbeatInterval, c.Term)
	if err := errors.Join(n.serveRecords(validators), n.joinTopics(life)); err != nil {
		return nil, errors.Join(fmt.Errorf("start node %d: %w", c.Index, err), n.close())
	}
	n.tasks.Go(func() { n.keepConnected(life) })
	n.tasks.Go(func() { n.elect(life) })
	n.tasks.Go(func() { n.queue.run(life) })
	n.tasks.Go(func() { n.shout(life) })
	n.tasks.Go(func() { n.pour(life) })
	return n, nil
}

// listen makes the host. A port that the node had before may be taken for a moment, by somebody's connection for instance.
func (n *node) listen(ctx context.Context, key crypto.PrivKey) (host.Host, error) {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		h, err := newHost(key, n.config.Port, n.gate, n.link)
		if err == nil || n.config.Port == 0 || wait > 3*time.Second || !inUse(err) {
			return h, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(wait):
		}
	}
}

// inUse says whether the port was the reason. The swarm hands on texts, not always errors.
func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), syscall.EADDRINUSE.Error())
}

// serveRecords makes the node a server of the DHT, or a client.
func (n *node) serveRecords(validators map[string]record.Validator) error {
	mode := dht.ModeServer
	if n.config.DHTClients {
		mode = dht.ModeClient
	}
	options := []dht.Option{
		dht.ProtocolPrefix(protocol.ID(n.config.ProtocolPrefix)),
		dht.Mode(mode),
		// The refresh turns the swarm into a full mesh, which costs minutes of CPU time and hides partitions.
		dht.DisableAutoRefresh(),
		dht.ValueDatastore(n.records),
	}
	for namespace, validator := range validators {
		options = append(options, dht.NamespacedValidator(namespace, validator))
	}
	var err error
	n.dht, err = dht.New(n.host, options...)
	return err
}

// close ends the node at once: its connections are reset, nothing is said to anybody.
func (n *node) close() error {
	n.stop() // GossipSub ends with its context
	n.tasks.Wait()
	var err error
	if n.dht != nil {
		err = n.dht.Close()
	}
	return errors.Join(err, n.host.Close())
}

// info is who the node is and where it listens.
func (n *node) info() peer.AddrInfo {
	return peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Network().ListenAddresses()}
}

// report is what the node says of itself.
func (n *node) report() Report {
	r := Report{
		Peers:      len(n.host.Network().Peers()),
		TopicPeers: len(n.topics.health[0].ListPeers()),
		Received:   n.received.Load(),
		Tasks:      n.queue.read(),
		Delay:      time.Duration(n.link.delay.Load()),
		Corrupt:    n.records.corrupt.Load(),
		Flood:      n.flood.rate(),
	}
	n.election.report(time.Now(), &r)
	return r
}
