package p2p

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"
)

// maxTopics bounds the topics of a configuration, and with them the series.
const maxTopics = 64

// GossipSub is a prometheus.Collector of the mesh of each configured topic, and the pubsub.RawTracer that learns it: hand
// it to pubsub.NewGossipSub with pubsub.WithRawTracer, one to each pubsub. Topics that were not configured leave no trace,
// whatever peers join. It never blocks the pubsub. All methods are safe for concurrent use.
type GossipSub struct {
	untraced
	desc *prometheus.Desc

	mu     sync.Mutex
	meshes map[string]map[peer.ID]bool // by topic: one for each that is configured
}

// NewGossipSub watches these topics.
func NewGossipSub(topics ...string) (*GossipSub, error) {
	if len(topics) == 0 || len(topics) > maxTopics || slices.Contains(topics, "") {
		return nil, fmt.Errorf("new GossipSub collector: %w",
			errors.New("name between 1 and 64 topics, none of them empty"))
	}
	g := &GossipSub{
		desc: prometheus.NewDesc("chorus_gossipsub_mesh_peers",
			"Nodes in the GossipSub mesh of the configured topic.", []string{"topic"}, nil),
		meshes: make(map[string]map[peer.ID]bool, len(topics)),
	}
	for _, topic := range topics {
		g.meshes[topic] = make(map[peer.ID]bool)
	}
	return g, nil
}

// MeshPeers is how many nodes are in the mesh of a topic; 0 if it is not configured.
func (g *GossipSub) MeshPeers(topic string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.meshes[topic])
}

// Graft implements pubsub.RawTracer.
func (g *GossipSub) Graft(id peer.ID, topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if mesh, ok := g.meshes[topic]; ok {
		mesh[id] = true
	}
}

// Prune implements pubsub.RawTracer.
func (g *GossipSub) Prune(id peer.ID, topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.meshes[topic], id)
}

// Leave implements pubsub.RawTracer.
func (g *GossipSub) Leave(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.meshes[topic])
}

// OnClosedOutboundStream implements pubsub.RawTracer. A node that is gone leaves the meshes without a prune.
func (g *GossipSub) OnClosedOutboundStream(id peer.ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, mesh := range g.meshes {
		delete(mesh, id)
	}
}

// Describe implements prometheus.Collector.
func (g *GossipSub) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

// Collect implements prometheus.Collector.
func (g *GossipSub) Collect(ch chan<- prometheus.Metric) {
	for topic, n := range g.sizes() { // sent without the lock, which pubsub takes: whoever receives may be slow
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(n), topic)
	}
}

func (g *GossipSub) sizes() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	sizes := make(map[string]int, len(g.meshes))
	for topic, mesh := range g.meshes {
		sizes[topic] = len(mesh)
	}
	return sizes
}
