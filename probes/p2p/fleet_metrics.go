package p2p

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fleetResults is the closed set of the label result of chorus_fleet_messages_total. It is never written.
var fleetResults = [...]string{
	fleetAccepted, RefusedAuthor, RefusedSignature, RefusedClock, RefusedMalformed, RefusedOversize, RefusedRate,
	RefusedReplay, fleetOther,
}

const (
	fleetAccepted = "accepted"
	fleetOther    = "other"
)

// fleetMetrics are what a Fleet exposes. The help texts are those of rules/names.yml; a test compares them.
type fleetMetrics struct {
	members, unseen, ahead, messages, limit, counts *prometheus.Desc

	results [len(fleetResults)]atomic.Uint64
}

func newFleetMetrics() *fleetMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &fleetMetrics{
		members: desc("chorus_fleet_members",
			"Members of the fleet by the status they announce, this one included; unseen ones have none.", "status"),
		unseen: desc("chorus_fleet_unseen_members",
			"Configured members of the fleet from whom nothing was heard for three intervals."),
		ahead: desc("chorus_fleet_shutdown_ahead", "Members of the fleet that go before this one: that are stopping, "+
			"or want to stop and have the smaller peer id."),
		messages: desc("chorus_fleet_messages_total",
			"Announcements of fleet members by result: accepted, or why they were refused.", "result"),
		limit: desc("chorus_shutdown_max_unhealthy_ratio", "Configured share of unhealthy fleet members over which "+
			"no rule may stop this one; absent where the fleet is not asked."),
		counts: desc("chorus_fleet_unseen_counts",
			"Whether unseen members of the fleet count as unhealthy (1) or not at all (0)."),
	}
}

// count counts a message. It takes no lock: a flood may come through here.
func (m *fleetMetrics) count(result string) {
	i := slices.Index(fleetResults[:], result)
	if i < 0 {
		i = len(fleetResults) - 1
	}
	m.results[i].Add(1)
}

// Describe implements prometheus.Collector.
func (f *Fleet) Describe(ch chan<- *prometheus.Desc) {
	m := f.metrics
	for _, d := range []*prometheus.Desc{m.members, m.unseen, m.ahead, m.messages, m.limit, m.counts} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Whoever was never heard is unseen, so a Fleet that does not run yet, or no
// longer, has all the others unseen.
func (f *Fleet) Collect(ch chan<- prometheus.Metric) {
	own := f.options.Status().known()
	view := f.view(time.Now())
	view.statuses[own.Status]++
	f.mu.Lock()
	limit, hold := f.limit, f.hold
	f.mu.Unlock()

	m := f.metrics
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, status := range fleetStatuses {
		gauge(m.members, float64(view.statuses[status]), status)
	}
	gauge(m.unseen, float64(view.unseen))
	gauge(m.ahead, float64(view.ahead))
	gauge(m.limit, limit)
	if hold {
		gauge(m.counts, 1)
	} else {
		gauge(m.counts, 0)
	}
	for i, result := range fleetResults {
		ch <- prometheus.MustNewConstMetric(m.messages, prometheus.CounterValue, float64(m.results[i].Load()), result)
	}
}
