package p2p

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"
)

// DefaultMinPeers is the number of connected nodes under which connectivity counts as lost.
const DefaultMinPeers = 3

// PeersOptions say what Peers reads.
type PeersOptions struct {
	// Connected returns the cluster nodes that are connected now, each once. It is called for every gather and must not
	// block. What counts as connected is its decision. Required.
	Connected func() []peer.ID
	// MinPeers is the threshold exposed beside it; default DefaultMinPeers.
	MinPeers int
}

// Peers is a prometheus.Collector of how many cluster nodes are connected, and how many have to be.
type Peers struct {
	connected     func() []peer.ID
	minPeers      atomic.Int64
	peers, wanted *prometheus.Desc
}

// NewPeers checks the options.
func NewPeers(o PeersOptions) (*Peers, error) {
	if o.Connected == nil {
		return nil, errors.New("new peers collector: set PeersOptions.Connected")
	}
	p := &Peers{
		connected: o.Connected,
		peers:     prometheus.NewDesc("chorus_p2p_connected_peers", "Cluster nodes that are connected now.", nil, nil),
		wanted: prometheus.NewDesc("chorus_p2p_min_peers",
			"Configured number of connected nodes under which connectivity counts as lost.", nil, nil),
	}
	if err := p.Apply(o.MinPeers); err != nil {
		return nil, err
	}
	return p, nil
}

// Apply puts another threshold into force; 0 stands for DefaultMinPeers.
func (p *Peers) Apply(minPeers int) error {
	if minPeers == 0 {
		minPeers = DefaultMinPeers
	}
	if minPeers < 1 {
		return fmt.Errorf("min_peers is %d, it must be at least 1", minPeers)
	}
	p.minPeers.Store(int64(minPeers))
	return nil
}

// Describe implements prometheus.Collector.
func (p *Peers) Describe(ch chan<- *prometheus.Desc) {
	ch <- p.peers
	ch <- p.wanted
}

// Collect implements prometheus.Collector.
func (p *Peers) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(p.peers, prometheus.GaugeValue, float64(len(p.connected())))
	ch <- prometheus.MustNewConstMetric(p.wanted, prometheus.GaugeValue, float64(p.minPeers.Load()))
}
