package probes

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// durationBuckets reach over half of every sensible timeout, or an alert on slow runs could never fire.
var durationBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60}

// metrics describes what a Runner exposes. The help texts are those of rules/names.yml.
type metrics struct {
	passed, failed, errors *prometheus.Desc
	healthy, failures      *prometheus.Desc
	threshold              *prometheus.Desc
	lastRun, lastSuccess   *prometheus.Desc
	interval, timeout      *prometheus.Desc
	info, stuck, proven    *prometheus.Desc
	self                   *prometheus.Desc
	durations              *prometheus.HistogramVec
}

func newMetrics() metrics {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"check_name"}, more...), nil)
	}
	return metrics{
		passed:    desc("chorus_health_checks_passed_total", "Runs of the check that passed."),
		failed:    desc("chorus_health_checks_failed_total", "Runs of the check that failed."),
		errors:    desc("chorus_health_check_errors_total", "Failed runs of the check by reason.", "reason"),
		healthy:   desc("chorus_health_check_healthy", "Whether the last run of the check passed (1) or failed (0)."),
		failures:  desc("chorus_health_check_consecutive_failures", "Failed runs of the check since its last success."),
		threshold: desc("chorus_health_check_failure_threshold", "Failures in a row from which on the check counts as failing."),
		lastRun: desc("chorus_health_check_last_run_timestamp_seconds",
			"When the last run of the check ended, as seconds since the epoch."),
		lastSuccess: desc("chorus_health_check_last_success_timestamp_seconds",
			"When the last passed run of the check ended, as seconds since the epoch."),
		interval: desc("chorus_health_check_interval_seconds", "How often the check runs."),
		timeout:  desc("chorus_health_check_timeout_seconds", "How long one run of the check may take."),
		info: desc("chorus_health_check_info", "Constant 1 for every check, with what is known of it as labels.",
			"component", "critical", "kind"),
		stuck: desc("chorus_health_check_stuck",
			"Whether an abandoned run of the check has not returned yet (1) or none is out (0)."),
		proven: desc("chorus_health_check_proven",
			"Whether the check has passed once since it was declared (1) or not yet (0)."),
		self: desc("chorus_health_check_self",
			"Constant 1 while the last run of the check passed with no other witness than the node itself."),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "chorus_health_check_duration_seconds",
			Help:                            "Duration of the runs of the check.",
			Buckets:                         durationBuckets,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"check_name"}),
	}
}

// histogram is that of a new check.
func (m *metrics) histogram(check string) prometheus.Histogram {
	return m.durations.WithLabelValues(check).(prometheus.Histogram)
}

// forget lets the histogram of a check go.
func (m *metrics) forget(check string) { m.durations.DeleteLabelValues(check) }

// Describe implements prometheus.Collector.
func (r *Runner) Describe(ch chan<- *prometheus.Desc) {
	m := &r.metrics
	for _, d := range []*prometheus.Desc{
		m.passed, m.failed, m.errors, m.healthy, m.failures, m.threshold, m.lastRun, m.lastSuccess,
		m.interval, m.timeout, m.info, m.stuck, m.proven, m.self,
	} {
		ch <- d
	}
	m.durations.Describe(ch)
}

// Collect implements prometheus.Collector. What it sends of a check is its state at one moment, though the histogram may
// be a run ahead; of a disabled check it sends nothing.
func (r *Runner) Collect(ch chan<- prometheus.Metric) {
	for _, m := range r.read() { // sent without the lock: whoever receives may be slow
		ch <- m
	}
}

// read makes the metrics of all checks.
func (r *Runner) read() []prometheus.Metric {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make(samples, 0, len(r.checks)*(len(reasons)+15))
	for name, c := range r.checks {
		if !c.spec.Disabled {
			r.readCheck(&out, name, c)
		}
	}
	return out
}

// readCheck makes the metrics of one check. Its times of the last run and success are the wall clock's now less an age
// that was measured without it: after a step of that clock they are as old as before.
func (r *Runner) readCheck(out *samples, name string, c *check) {
	m, promised := &r.metrics, c.promised()
	out.counter(m.passed, c.passed, name)
	out.counter(m.failed, c.failed, name)
	for i, reason := range reasons {
		out.counter(m.errors, c.errors[i], name, string(reason))
	}
	out.gauge(m.failures, float64(c.streak()), name)
	out.gauge(m.threshold, float64(c.spec.FailureThreshold), name)
	out.gauge(m.interval, promised.interval.Seconds(), name)
	out.gauge(m.timeout, promised.timeout.Seconds(), name)
	out.gauge(m.info, 1, name, c.spec.Component, strconv.FormatBool(c.spec.Critical), "probe")
	out.gauge(m.stuck, number(c.flight.out() && c.flight.abandoned), name)
	out.gauge(m.proven, number(c.proven), name)
	*out = append(*out, c.durations)
	if c.ran {
		out.gauge(m.healthy, number(c.healthy), name)
		out.gauge(m.lastRun, r.timestamp(c.lastRun), name)
	}
	if c.self {
		out.gauge(m.self, 1, name)
	}
	if !c.lastSuccess.IsZero() {
		out.gauge(m.lastSuccess, r.timestamp(c.lastSuccess), name)
	}
}

// timestamp says when t was by today's wall clock, in seconds since the epoch. Milliseconds are enough, and keep the value
// the same from gather to gather.
func (r *Runner) timestamp(t time.Time) float64 {
	return float64(r.wall().Add(-time.Since(t)).Round(time.Millisecond).UnixMilli()) / 1000
}

// samples collects metrics.
type samples []prometheus.Metric

func (s *samples) counter(d *prometheus.Desc, v uint64, labels ...string) {
	*s = append(*s, prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...))
}

func (s *samples) gauge(d *prometheus.Desc, v float64, labels ...string) {
	*s = append(*s, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
