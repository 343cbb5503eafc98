package collectors

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// electionDescs are the metrics of Election. Help texts are those of rules/names.yml; a test compares them.
type electionDescs struct {
	leader, term, state, changes   *prometheus.Desc
	lastChange, lastHeartbeat      *prometheus.Desc
	observed                       *prometheus.Desc
	skew, timeout, uptime, results *prometheus.Desc
}

func newElectionDescs() electionDescs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("chorus_election_"+name, help, labels, nil)
	}
	return electionDescs{
		leader: desc("leader_info", "Constant 1 for every node that claims to lead in the newest term.", "leader"),
		term:   desc("term", "Newest term seen in a heartbeat of a trusted author."),
		state: desc("state", "Whether the election is in the state (1) or not (0): leader, no_leader, split.",
			"state"),
		changes: desc("leadership_changes_total", "Changes of the leader or of its term."),
		lastChange: desc("last_change_timestamp_seconds",
			"When the leader last changed, as seconds since the epoch."),
		lastHeartbeat: desc("last_heartbeat_timestamp_seconds",
			"When the last heartbeat of the leader arrived, as seconds since the epoch."),
		observed: desc("observed_since_timestamp_seconds", "When observing the election began, as seconds since the epoch; "+
			"only until a first heartbeat arrives."),
		skew: desc("clock_skew_seconds", "Newest difference between the leader's clock and ours, latency included; "+
			"positive when the leader's is ahead."),
		timeout: desc("heartbeat_timeout_seconds",
			"Configured age of the last heartbeat from which on there is no leader."),
		uptime:  desc("leader_uptime_seconds", "Uptime that the leader's last heartbeat carries."),
		results: desc("heartbeats_total", "Heartbeats by result: accepted, or why they were refused.", "result"),
	}
}

// newHeartbeatLatency has buckets up to what clock skew makes of a latency.
func newHeartbeatLatency() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "chorus_election_heartbeat_latency_seconds",
		Help: "Arrival of heartbeats less the time they carry; clock skew included, under 0 counted as 0.",
		Buckets: []float64{
			.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60,
		},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	})
}

// Describe implements prometheus.Collector.
func (e *Election) Describe(ch chan<- *prometheus.Desc) {
	d := &e.descs
	for _, desc := range []*prometheus.Desc{
		d.leader, d.term, d.state, d.changes, d.lastChange, d.lastHeartbeat, d.observed, d.skew, d.timeout, d.uptime, d.results,
	} {
		ch <- desc
	}
	e.latency.Describe(ch)
}

// Collect implements prometheus.Collector. What nobody said or measured is left out: term and last heartbeat before the
// first one (until then it is exposed since when there could have been one), the last change before there was one, uptime
// and skew unless exactly one node leads.
func (e *Election) Collect(ch chan<- prometheus.Metric) {
	for _, m := range e.read() { // sent without the lock: whoever receives may be slow
		ch <- m
	}
	ch <- e.latency
	for i, result := range heartbeatResults {
		ch <- prometheus.MustNewConstMetric(e.descs.results, prometheus.CounterValue,
			float64(e.results[i].Load()), string(result))
	}
}

// read makes the metrics that follow from the claims, all of one moment.
func (e *Election) read() []prometheus.Metric {
	e.mu.Lock()
	defer e.unlock()
	now, d := time.Now(), &e.descs
	leaders := e.settle(now)
	out := make([]prometheus.Metric, 0, 12)
	put := func(desc *prometheus.Desc, value float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...))
	}
	put(d.timeout, e.options.HeartbeatTimeout.Seconds())
	out = append(out, prometheus.MustNewConstMetric(d.changes, prometheus.CounterValue, float64(e.changes)))
	for _, state := range []string{stateLeader, stateNoLeader, stateSplit} {
		value := 0.0
		if state == e.seen.state {
			value = 1
		}
		put(d.state, value, state)
	}
	for _, c := range leaders {
		put(d.leader, 1, c.Node)
	}
	if newest := e.newest(); newest != nil {
		put(d.term, float64(e.term))
		put(d.lastHeartbeat, e.timestamp(newest.received, now))
	} else {
		put(d.observed, e.timestamp(e.since, now))
	}
	if !e.changed.IsZero() {
		put(d.lastChange, e.timestamp(e.changed, now))
	}
	if len(leaders) != 1 {
		return out
	}
	if c := leaders[0]; c.Uptime != 0 {
		put(d.uptime, c.Uptime.Seconds())
	}
	if c := leaders[0]; !c.Sent.IsZero() {
		put(d.skew, c.Sent.Sub(c.received).Seconds())
	}
	return out
}

// newest is the last claim to lead in the newest term, nil before the first. A claim that timed out counts.
func (e *Election) newest() *claim {
	var newest *claim
	for _, c := range e.nodes {
		heard := !c.received.IsZero() && c.Term == e.term
		if heard && (newest == nil || newest.received.Before(c.received)) {
			newest = c
		}
	}
	return newest
}

// timestamp says when t was by today's wall clock, in seconds since the epoch: now less an age that was measured without
// it, so that after a step of that clock t is as long ago as before. Milliseconds are enough, and keep the value the same
// from gather to gather.
func (e *Election) timestamp(t, now time.Time) float64 {
	return float64(e.wall().Add(-now.Sub(t)).Round(time.Millisecond).UnixMilli()) / 1000
}
