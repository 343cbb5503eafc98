package evaluator

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors/version"

	"chorus/evaluator/engine"
)

// metrics are the evaluator's own. They go to the registry that is sampled, so that rules can read them.
type metrics struct {
	e        *Evaluator
	duration prometheus.Histogram
	failures *prometheus.CounterVec
	changes  *prometheus.CounterVec
	refused  prometheus.Counter
	dropped  *prometheus.CounterVec

	contradictions prometheus.Counter

	phase, lastEvaluation, lastFull, lastChange, samples, series *prometheus.Desc

	mu      sync.Mutex
	last    time.Time // of the newest evaluation; zero before the first
	full    time.Time // of the newest one without a failing rule
	changed time.Time // of the status; the start before the first change
	groups  map[string]bool
}

func newMetrics(e *Evaluator) *metrics {
	desc := func(name string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, e.names[name].Help, labels, nil)
	}
	opts := func(name string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: name, Help: e.names[name].Help}
	}
	const duration = "chorus_rule_evaluation_duration_seconds"
	m := &metrics{
		e: e,
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: duration, Help: e.names[duration].Help,
			Buckets:                     prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms to 16 s
			NativeHistogramBucketFactor: 1.1,
		}),
		failures:       prometheus.NewCounterVec(opts("chorus_rule_evaluation_failures_total"), []string{"group"}),
		changes:        prometheus.NewCounterVec(opts("chorus_health_status_changes_total"), []string{"from", "to"}),
		refused:        prometheus.NewCounter(opts("chorus_evaluator_series_refused_total")),
		contradictions: prometheus.NewCounter(opts("chorus_health_contradictions_total")),
		dropped:        prometheus.NewCounterVec(opts("chorus_evaluator_samples_dropped_total"), []string{"reason"}),
		phase:          desc("chorus_exporter_phase", "phase"),
		lastEvaluation: desc("chorus_evaluator_last_evaluation_timestamp_seconds"),
		lastFull:       desc("chorus_health_last_full_check_timestamp_seconds"),
		samples:        desc("chorus_evaluator_samples"),
		lastChange:     desc("chorus_health_status_last_change_timestamp_seconds"),
		series:         desc("chorus_evaluator_series"),
		changed:        time.Now(),
		groups:         map[string]bool{},
	}
	for _, from := range Statuses() {
		for _, to := range Statuses() {
			if from != to && from != Stopping && to != Starting { // the changes that can happen
				m.changes.WithLabelValues(string(from), string(to))
			}
		}
	}
	for _, reason := range engine.DropReasons() {
		m.dropped.WithLabelValues(reason)
	}
	m.groupsChanged(e.engine.Groups)
	return m
}

// register adds the metrics to the registry, and the build info if nobody has registered it yet.
func (m *metrics) register(r prometheus.Registerer) error {
	own := []prometheus.Collector{m, m.duration, m.failures, m.changes, m.refused, m.dropped, m.contradictions}
	for _, c := range own {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	err := r.Register(version.NewCollector("chorus_exporter"))
	if are := (prometheus.AlreadyRegisteredError{}); err != nil && !errors.As(err, &are) {
		return fmt.Errorf("register build info: %w", err)
	}
	return nil
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.phase, m.lastEvaluation, m.lastFull, m.lastChange, m.samples, m.series} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Timestamps are wall time now less monotonic age, so that a step of the clock
// does not make them old or new.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, p := range phases() {
		v := 0.0
		if m.e.inPhase(p) {
			v = 1
		}
		gauge(m.phase, v, p)
	}
	series, samples := m.e.engine.Store.Stats()
	gauge(m.series, float64(series))
	gauge(m.samples, float64(samples))
	m.mu.Lock()
	last, full, changed := m.last, m.full, m.changed
	m.mu.Unlock()
	now := time.Now()
	timestamp := func(d *prometheus.Desc, t time.Time) {
		if !t.IsZero() {
			gauge(d, float64(now.Round(0).Add(-now.Sub(t)).UnixMilli())/1000)
		}
	}
	timestamp(m.lastEvaluation, last)
	timestamp(m.lastFull, full)
	timestamp(m.lastChange, changed)
}

// evaluated records the end of an evaluation.
func (m *metrics) evaluated(took time.Duration) {
	m.duration.Observe(took.Seconds())
	m.refused.Add(float64(m.e.engine.Refused()))
	for reason, n := range m.e.engine.Dropped() {
		m.dropped.WithLabelValues(reason).Add(float64(n))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = time.Now()
	for _, g := range m.e.engine.Groups {
		if g.Failing {
			return
		}
	}
	m.full = m.last
}

// groupsChanged makes the counter of every group exist at 0 and drops those of groups that are gone. It is called for
// the first groups before there are metrics.
func (m *metrics) groupsChanged(groups []*engine.Group) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := make(map[string]bool, len(groups))
	for _, g := range groups {
		now[g.Name] = true
		m.failures.WithLabelValues(g.Name)
	}
	for name := range m.groups {
		if !now[name] {
			m.failures.DeleteLabelValues(name)
		}
	}
	m.groups = now
}

func (m *metrics) statusChanged(from, to Status) {
	m.changes.WithLabelValues(string(from), string(to)).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed = time.Now()
}
