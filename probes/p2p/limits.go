package p2p

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/x/rate"
)

// DefaultMaxPeers is how many nodes beside its targets the DHT leg may be connected to. It bounds the memory of a presence:
// with p the peers that a host may be connected to (its targets; on the DHT leg MaxPeers more), it has at most
//
//	2p + 8 connections, all outbound   (a peer has several while its addresses are tried, or one is being replaced)
//	64 streams a peer
//	16 MiB + p MiB of buffers          (reserved with the resource manager: handshakes and yamux windows; 16 MiB a peer)
//	4096 addresses of unconnected peers, 16 of each, kept minutes; what else is known of a peer that is not connected
//	goes a minute or two after it left
//
// so three hosts with 5 targets and this default reserve under 200 MiB, whatever peers do; a few MiB is usual, since a
// reservation says what may be buffered. Over the bound the DHT leg closes the connections of least value down to 7/8 of
// it, never one of a target: a cluster with more DHT servers needs a larger bound, or every lookup dials again.
const DefaultMaxPeers = 128

// What DefaultMaxPeers states.
const (
	connsPerPeer    = 2
	spareConns      = 8
	streamsPerPeer  = 64
	memoryPerPeer   = 1 << 20
	memorySpare     = 16 << 20
	memoryOfOnePeer = 16 << 20
	maxAddrs        = 4096
	maxAddrsPerPeer = 16
	maxProtocols    = 64 // a peer may say it speaks
)

// newResources returns a resource manager with fixed limits for a dial-only host. It runs a goroutine until closed.
func newResources(peers int, reporter rcmgr.TraceReporter) (network.ResourceManager, error) {
	conns := rcmgr.LimitVal(connsPerPeer*peers + spareConns)
	streams := rcmgr.LimitVal(streamsPerPeer * peers)
	dialOnly := func(conns, streams rcmgr.LimitVal, memory rcmgr.LimitVal64) rcmgr.ResourceLimits {
		return rcmgr.ResourceLimits{
			Conns: conns, ConnsOutbound: conns, ConnsInbound: rcmgr.BlockAllLimit, FD: conns,
			Streams: streams, StreamsInbound: streams, StreamsOutbound: streams,
			Memory: memory,
		}
	}
	limits := rcmgr.PartialLimitConfig{
		System:      dialOnly(conns, streams, rcmgr.LimitVal64(memorySpare+memoryPerPeer*peers)),
		Transient:   dialOnly(conns, streams, memorySpare), // connections and streams not negotiated yet
		PeerDefault: dialOnly(spareConns, streamsPerPeer, memoryOfOnePeer),
		Conn: rcmgr.ResourceLimits{
			Conns: 1, ConnsOutbound: 1, ConnsInbound: rcmgr.BlockAllLimit, FD: 1, Memory: memoryOfOnePeer,
		},
		Stream: rcmgr.ResourceLimits{Streams: 1, StreamsInbound: 1, StreamsOutbound: 1, Memory: memoryOfOnePeer},
	}
	options := []rcmgr.Option{
		rcmgr.WithMetricsDisabled(), // they are globals; only where asked for
		// libp2p's defaults allow 8 connections and one dial every 5 s per remote address, made against strangers that dial
		// us. Nobody does, and many of our targets may be behind one address.
		rcmgr.WithLimitPerSubnet([]rcmgr.ConnLimitPerSubnet{}, []rcmgr.ConnLimitPerSubnet{}),
		rcmgr.WithConnRateLimiters(&rate.Limiter{}),
	}
	if reporter != nil {
		options = append(options, rcmgr.WithTraceReporter(reporter))
	}
	m, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits.Build(rcmgr.InfiniteLimits)), options...)
	if err != nil {
		return nil, fmt.Errorf("make resource manager: %w", err)
	}
	return m, nil
}

// newTrimmer returns a connection manager that keeps a host at peers connections. It runs goroutines until closed.
func newTrimmer(peers int) (*connmgr.BasicConnMgr, error) {
	m, err := connmgr.NewConnManager(peers-peers/8, peers)
	if err != nil {
		return nil, fmt.Errorf("make connection manager: %w", err)
	}
	return m, nil
}
