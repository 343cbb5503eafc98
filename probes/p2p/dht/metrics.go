package dht

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// roundBuckets reach from a request on one machine to the default timeout of a whole run, in seconds.
var roundBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}

// dhtMetrics are what the probe measures. The help texts are those of rules/names.yml.
type dhtMetrics struct {
	put, get  prometheus.Histogram
	integrity prometheus.Counter
	peers     *prometheus.Desc
	table     *prometheus.Desc
	servers   *prometheus.Desc

	mu   sync.Mutex
	last *roundCounts // results of the last round; nil before the first
}

// roundResults are the values of the label result. All but acked exclude each other. It is never written.
var roundResults = [...]string{"acked", "held", "absent", "corrupt", "silent"}

// roundCounts are how many nodes there were of each of roundResults.
type roundCounts [len(roundResults)]int

func newDHTMetrics() dhtMetrics {
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: roundBuckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		})
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return dhtMetrics{
		put: histogram("chorus_dht_probe_put_seconds",
			"Time until the nodes closest to the probe's key had answered the put."),
		get: histogram("chorus_dht_probe_get_seconds",
			"Time until the nodes closest to the probe's key had answered the get."),
		integrity: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chorus_dht_integrity_failures_total",
			Help: "Answers that held something else than what was put.",
		}),
		peers: desc("chorus_dht_probe_peers",
			"Nodes asked in the last run by result: acked the put, held the value byte for byte, "+
				"answered without it (absent), returned something else (corrupt), did not answer (silent).", "result"),
		table:   desc("chorus_dht_routing_table_peers", "Nodes in the probe's Kademlia routing table."),
		servers: desc("chorus_dht_servers", "Connected nodes that serve the Kademlia protocol."),
	}
}

// observe records a round. A histogram sees the slowest answer; without any there is no time to see. Times of a quick try
// that failed are not counted, because rules read them as those of the runs within a window; wrong answers always are.
func (m *dhtMetrics) observe(r *dhtRound, timed bool) {
	if s := r.putSeconds(); timed && s > 0 {
		m.put.Observe(s)
	}
	if s := r.getSeconds(); timed && s > 0 {
		m.get.Observe(s)
	}
	corrupt := r.with(verdictCorrupt)
	m.integrity.Add(float64(corrupt))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = &roundCounts{r.acked(), r.with(verdictHeld), r.absent(), corrupt, r.with(verdictSilent)}
}

// Describe implements prometheus.Collector.
func (d *Probe) Describe(ch chan<- *prometheus.Desc) {
	m := &d.metrics
	for _, c := range []prometheus.Collector{m.put, m.get, m.integrity} {
		c.Describe(ch)
	}
	for _, desc := range []*prometheus.Desc{m.peers, m.table, m.servers} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector. It reads state and asks nobody. Of the routing table and the servers there is
// nothing while the client does not run.
func (d *Probe) Collect(ch chan<- prometheus.Metric) {
	m := &d.metrics
	for _, c := range []prometheus.Collector{m.put, m.get, m.integrity} {
		c.Collect(ch)
	}
	m.mu.Lock()
	last := m.last
	m.mu.Unlock()
	if last != nil {
		for i, result := range roundResults {
			ch <- prometheus.MustNewConstMetric(m.peers, prometheus.GaugeValue, float64(last[i]), result)
		}
	}
	if n, err := d.attached(); err == nil {
		ch <- prometheus.MustNewConstMetric(m.table, prometheus.GaugeValue, float64(n.kad.RoutingTable().Size()))
		ch <- prometheus.MustNewConstMetric(m.servers, prometheus.GaugeValue, float64(len(n.servers())))
	}
}
