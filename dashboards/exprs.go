package main

import (
	"fmt"
	"strings"
)

// statusCode is the status of each exporter as the number that statusWords has for it: exactly one status is 1.
const statusCode = `sum by (cluster, instance) (
  0 * chorus_health_status{@, status="healthy"}
    or 1 * chorus_health_status{@, status="starting"}
    or 2 * chorus_health_status{@, status="degraded"}
    or 3 * chorus_health_status{@, status="stopping"}
    or 4 * chorus_health_status{@, status="unhealthy"}
)`

// unscraped are the exporters that Prometheus should scrape and can't.
const unscraped = `group by (cluster, instance) (up{@} == 0 and target:chorus_exporter:seen{@})`

// sinceStatus is for how long the status has been what it is, as the exporter tells it.
const sinceStatus = `min by (cluster, instance) (time() - chorus_health_status_last_change_timestamp_seconds{@})`

const electionCode = `sum by (cluster, instance) (
  0 * chorus_election_state{@, state="leader"}
    or 1 * chorus_election_state{@, state="no_leader"}
    or 2 * chorus_election_state{@, state="split"}
)`

const stopCode = `sum by (cluster, instance) (
  0 * chorus_shutdown_state{@, state="running"}
    or 1 * chorus_shutdown_state{@, state="draining"}
    or 2 * chorus_shutdown_state{@, state="pre-shutdown"}
    or 3 * chorus_shutdown_state{@, state="shutdown"}
    or 4 * chorus_shutdown_state{@, state="post-shutdown"}
    or 5 * chorus_shutdown_state{@, state="stopped"}
)`

// firingAlerts is every alert that counts, once.
const firingAlerts = `group by (cluster, instance, alertname, check_name, component, severity) (chorus_health_alert{@})`

// clusterName gives exporters without a label cluster the name "all", so that a legend is never empty.
func clusterName(expr string) string {
	return `label_replace(` + expr + `, "cluster", "all", "cluster", "")`
}

// perMinute is how often a counter counts, a minute.
func perMinute(by, series string) string {
	return fmt.Sprintf("60 * sum by (%s) (rate(%s[$__rate_interval]))", by, series)
}

// counted shows that.
func counted(by, series, legend string) query {
	return query{expr: perMinute(by, series), legend: legend}
}

// seenBy shows a gauge of every exporter; what says which, where there are several in one panel.
func seenBy(name, what string) query {
	return query{expr: "max by (cluster, instance) (" + name + "{@})", legend: join("{{instance}}", what)}
}

// limitOf shows a gauge as the limit that the others are measured by.
func limitOf(name, legend string) query {
	return query{expr: "max (" + name + "{@})", legend: legend, limit: true}
}

// with adds to what all queries of the panels need.
func with(panels []panel, needs ...need) []panel {
	for _, p := range panels {
		for i := range p.queries {
			p.queries[i].needs = append(p.queries[i].needs, needs...)
		}
	}
	return panels
}

// within is how often a counter counted in the time shown.
func within(by, series string) string {
	return fmt.Sprintf("sum by (%s) (increase(%s[$__range]))", by, series)
}

// quantile is one of a histogram: from its classic buckets, or where the server has only the native histogram from that.
func quantile(q float64, by, name, matchers string) string {
	aggregate := "sum"
	if by != "" {
		aggregate = "sum by (" + by + ")"
	}
	return fmt.Sprintf(`histogram_quantile(%[1]g, sum by (%[2]s) (rate(%[3]s_bucket{%[4]s}[$__rate_interval])))
  or histogram_quantile(%[1]g, %[5]s (rate(%[3]s{%[4]s}[$__rate_interval])))`, q, join("le", by), name, matchers, aggregate)
}

// quantiles are the middle and the slow end of a histogram.
func quantiles(by, name, matchers, legend string) []query {
	return []query{
		{expr: quantile(0.95, by, name, matchers), legend: join(legend, "p95")},
		{expr: quantile(0.5, by, name, matchers), legend: join(legend, "p50")},
	}
}

// buckets are what a heatmap draws: the classic ones.
func buckets(name, matchers string) string {
	return fmt.Sprintf("sum by (le) (increase(%s_bucket{%s}[$__rate_interval]))", name, matchers)
}

// join joins what is not empty.
func join(parts ...string) string {
	var set []string
	for _, p := range parts {
		if p != "" {
			set = append(set, p)
		}
	}
	sep := ", "
	if strings.Contains(parts[0], "{{") {
		sep = " "
	}
	return strings.Join(set, sep)
}
