package p2p

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LegMetrics counts what legs do. It is a prometheus.Collector for all legs of a process together: their series differ
// by the label leg or are sums.
type LegMetrics struct {
	latency  prometheus.Histogram
	failures prometheus.Counter
	resets   *prometheus.CounterVec
	refused  *prometheus.CounterVec
}

// NewLegMetrics returns metrics at 0. The help texts are those of rules/names.yml; a test compares them.
func NewLegMetrics() *LegMetrics {
	return &LegMetrics{
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "chorus_p2p_peer_latency_seconds",
			Help: "Round-trip time of libp2p pings to connected nodes.",
			// From loopback over the next data centre to the longest timeout.
			Buckets:                         []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chorus_p2p_ping_failures_total",
			Help: "Pings to connected nodes that were not answered in time.",
		}),
		resets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chorus_p2p_leg_resets_total",
			Help: "Times a leg was disconnected and dialled again because it was connected and silent, by leg.",
		}, []string{"leg"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chorus_p2p_dials_refused_total",
			Help: "Dials to peers or addresses outside the allow-list that were refused, by leg.",
		}, []string{"leg"}),
	}
}

// Describe implements prometheus.Collector.
func (m *LegMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.parts() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *LegMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.parts() {
		c.Collect(ch)
	}
}

func (m *LegMetrics) parts() []prometheus.Collector {
	return []prometheus.Collector{m.latency, m.failures, m.resets, m.refused}
}
