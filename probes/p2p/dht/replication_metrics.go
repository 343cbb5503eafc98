package dht

import (
	"math"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// replicationMetrics are what Replication measures. The help texts are those of rules/names.yml.
type replicationMetrics struct {
	holders, providers *prometheus.Desc
	minHolders, factor *prometheus.Desc
	failures           prometheus.Counter

	mu   sync.Mutex
	last []replicationSample // of the last run; none before the first
}

// replicationSample is a gauge of the last run.
type replicationSample struct {
	prometheus.Metric
	of *watched // nil: of our own record
}

func newReplicationMetrics() replicationMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return replicationMetrics{
		holders: desc("chorus_replication_holders",
			"Distinct nodes that hold the watched key; the key probe is the probe's own record.", "key"),
		providers: desc("chorus_replication_provider_records",
			"Distinct providers that nodes have on record for the watched key.", "key"),
		minHolders: desc("chorus_replication_min_holders", "Configured number of nodes that must hold every watched key."),
		factor: desc("chorus_replication_factor_ratio",
			"Holders of the probe's own record as a share of the nodes that should hold it."),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chorus_replication_failures_total",
			Help: "Watched keys that could not be looked up, and holders found fewer than required.",
		}),
	}
}

// observe records a run. What could not be looked up stays exposed as NaN: it is not gone, and not 0. Failures of a quick
// try do not count: rules read them as a share of the runs that fit into a window.
func (p *Replication) observe(w *watch, counts []keyCount, counted bool) {
	m := &p.metrics
	var last []replicationSample
	gauge := func(of *watched, d *prometheus.Desc, v float64, labels ...string) {
		last = append(last, replicationSample{prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...), of})
	}
	for i, name := range w.names() {
		c := counts[i]
		var of *watched
		if i < len(w.keys) {
			of = &w.keys[i]
		}
		gauge(of, m.holders, c.holders, name)
		if of != nil && of.hash != nil {
			gauge(of, m.providers, c.providers, name)
		}
		if counted && !(c.holders >= float64(w.minHolders)) { // NaN too
			m.failures.Inc()
		}
	}
	own := counts[len(counts)-1]
	ratio := own.holders / own.expected
	if own.expected == 0 {
		ratio = math.NaN()
	}
	gauge(nil, m.factor, ratio)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = last
}

// Describe implements prometheus.Collector.
func (p *Replication) Describe(ch chan<- *prometheus.Desc) {
	m := &p.metrics
	for _, d := range []*prometheus.Desc{m.holders, m.providers, m.minHolders, m.factor} {
		ch <- d
	}
	m.failures.Describe(ch)
}

// Collect implements prometheus.Collector. It reads state and asks nobody.
func (p *Replication) Collect(ch chan<- prometheus.Metric) {
	m := &p.metrics
	w := p.watch.Load()
	m.failures.Collect(ch)
	ch <- prometheus.MustNewConstMetric(m.minHolders, prometheus.GaugeValue, float64(w.minHolders))
	m.mu.Lock()
	last := m.last
	m.mu.Unlock()
	for _, s := range last {
		if s.of == nil || slices.ContainsFunc(w.keys, s.of.same) { // what is no longer watched is not shown
			ch <- s.Metric
		}
	}
}
