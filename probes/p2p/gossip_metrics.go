package p2p

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gossipBuckets reach from loopback to the longest wait.
var gossipBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// gossipMetrics are what a Gossip exposes. The help texts are those of rules/names.yml.
type gossipMetrics struct {
	oneway, rtt                   prometheus.Histogram
	integrity                     prometheus.Counter
	responders, copies, mesh, top *prometheus.Desc

	mu      sync.Mutex
	relayed *gossipExpect // the last run of each mode; nil before the first
	asked   *gossipExpect
	looked  bool
	topic   int
}

func newGossipMetrics() *gossipMetrics {
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: gossipBuckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		})
	}
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &gossipMetrics{
		oneway: histogram("chorus_pubsub_probe_oneway_seconds",
			"Time from publishing a probe message on one leg until its arrival, through other nodes, at the other leg."),
		rtt: histogram("chorus_pubsub_probe_rtt_seconds",
			"Time from publishing a probe message until the first answer of another exporter."),
		integrity: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chorus_pubsub_integrity_failures_total", Help: "Probe messages that arrived changed.",
		}),
		responders: desc("chorus_pubsub_probe_responders", "Other exporters that answered the last ping."),
		copies: desc("chorus_pubsub_probe_copies",
			"Copies of the last probe message that arrived, the first included; more than one shows more than one path."),
		mesh: desc("chorus_pubsub_mesh_peers", "Nodes in the receiving leg's mesh of the probe topic."),
		top:  desc("chorus_pubsub_topic_peers", "Nodes known to be on the probe topic."),
	}
}

// begin makes e the last run.
func (m *gossipMetrics) begin(e *gossipExpect) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.mode == GossipAnswered {
		m.asked = e
	} else {
		m.relayed = e
	}
}

// forget drops the last runs: those of a mode that is no longer used would be shown for ever.
func (m *gossipMetrics) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relayed, m.asked = nil, nil
}

// look notes how many nodes are on the topic.
func (m *gossipMetrics) look(topic int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked, m.topic = true, topic
}

// Describe implements prometheus.Collector.
func (g *Gossip) Describe(ch chan<- *prometheus.Desc) {
	m := g.metrics
	m.oneway.Describe(ch)
	m.rtt.Describe(ch)
	m.integrity.Describe(ch)
	for _, d := range []*prometheus.Desc{m.responders, m.copies, m.mesh, m.top} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. It asks nobody: nodes on the topic were counted by the last run, and what no
// run has measured yet is left out.
func (g *Gossip) Collect(ch chan<- prometheus.Metric) {
	m := g.metrics
	ch <- m.oneway
	ch <- m.rtt
	ch <- m.integrity
	gauge := func(d *prometheus.Desc, v int) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	m.mu.Lock()
	relayed, asked, looked, topic := m.relayed, m.asked, m.looked, m.topic
	m.mu.Unlock()
	mode := g.settings.Load().mode // a run that is under way may still be of another
	if relayed != nil && mode != GossipAnswered {
		copies, _ := relayed.counts()
		gauge(m.copies, copies)
	}
	if asked != nil && mode != GossipRelayed {
		_, answers := asked.counts()
		gauge(m.responders, answers)
	}
	if looked {
		gauge(m.top, topic)
	}
	g.mu.Lock()
	s := g.session
	g.mu.Unlock()
	if s != nil {
		gauge(m.mesh, s.trace.meshPeers())
	}
}
