package shutdown

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The values of the label result of chorus_shutdown_requests_total.
const (
	accepted = "accepted"
	repeated = "repeated"
	observed = "observed"
)

// metrics are those of a Manager. The help texts are those of rules/names.yml; a test compares them.
type metrics struct {
	read     func() State
	state    *prometheus.Desc
	requests *prometheus.CounterVec
	steps    *prometheus.CounterVec
}

func newMetrics(read func() State) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"result"})
	}
	m := &metrics{
		read: read,
		state: prometheus.NewDesc("chorus_shutdown_state",
			"Whether the orderly stop is in the state (1) or not (0); exactly one holds.", []string{"state"}, nil),
		requests: counter("chorus_shutdown_requests_total",
			"Requests to stop by result: accepted, repeated after that, or observed without a stop."),
		steps: counter("chorus_shutdown_steps_total",
			"Steps of the orderly stop by result: done, failed, timeout, panicked, abandoned, skipped."),
	}
	for _, result := range []string{accepted, repeated, observed} {
		m.requests.WithLabelValues(result)
	}
	for _, result := range endResults {
		m.steps.WithLabelValues(string(result))
	}
	return m
}

// register adds the metrics to the registry, all or none.
func (m *metrics) register(r prometheus.Registerer) error {
	var added []prometheus.Collector
	for _, c := range []prometheus.Collector{m, m.requests, m.steps} {
		if err := r.Register(c); err != nil {
			for _, c := range added {
				r.Unregister(c)
			}
			return fmt.Errorf("register metrics of the shutdown manager: %w", err)
		}
		added = append(added, c)
	}
	return nil
}

func (m *metrics) asked(result string) { m.requests.WithLabelValues(result).Inc() }

func (m *metrics) ended(result Result) { m.steps.WithLabelValues(string(result)).Inc() }

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) { ch <- m.state }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	now := m.read().Name
	for _, stage := range stageOrder {
		v := 0.0
		if stage == now {
			v = 1
		}
		ch <- prometheus.MustNewConstMetric(m.state, prometheus.GaugeValue, v, string(stage))
	}
}
