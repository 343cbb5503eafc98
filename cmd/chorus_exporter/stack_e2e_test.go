//go:build e2e && linux

package main

import (
	"slices"
	"strings"
	"syscall"
	"testing"
)

// operatorsRule is what somebody writes who has read the list of metrics and nothing else.
const operatorsRule = `
groups:
  - name: operator
    rules:
      - alert: DatabaseHasFailed
        expr: chorus_health_checks_failed_total{check_name="database-connectivity"} > 0
        labels: {severity: page}
        annotations: {summary: '{{ $labels.check_name }} in the {{ $labels.cluster }} has failed'}
`

// monitor is a Prometheus with an Alertmanager of its own. It has the alerts with their waits shortened; one beside it
// has them as they are.
type monitor struct {
	*server
	asIs *server
	news *receiver
}

// TestStack runs two versions of Prometheus, each with an Alertmanager, beside clusters in which much fails and is mended.
// Whoever is paged hears of all of it, in the words of the alerts, and hears when it is over.
func TestStack(t *testing.T) {
	t.Parallel()
	m := newMonitored(t)
	files := alertFiles(t)
	short := shortened(t, files)
	operators := append(slices.Clone(short), write(t, "operator.rules.yml", operatorsRule))
	remote := startReceiver(t, short)
	run := func(v, asIs prometheusVersion, remoteWrite string) monitor {
		news := startAlertmanager(t)
		return monitor{
			server: startPrometheus(t, v, prometheusConfig{targets: m.targets(), rules: operators, alertmanager: news.address}),
			asIs:   startPrometheus(t, asIs, prometheusConfig{targets: m.targets(), rules: files, remoteWrite: remoteWrite}),
			news:   news,
		}
	}
	monitors := []monitor{
		run(prometheus3(), prometheus3Native(), ""),
		run(prometheus2(), prometheus2(), remote.url+"/api/v1/write"),
	}
	for _, s := range monitors {
		s.soon("it scrapes all exporters", func() bool { return s.is("count(up == 1)", 4) })
		s.asksRight(m)
		s.rulesAreWell(short)
		s.soon("no alert is pending or firing", func() bool { return len(s.results("ALERTS")) == 0 })
	}
	calm := []string{"p2p", "election", "replication", "fleet"}
	queries := dashboardQueries(t, instance(m.east[0]))
	for _, s := range monitors {
		s.draws(queries, calm...)
	}

	m.fail()
	for _, s := range monitors {
		for _, want := range expected(m) {
			s.news.tells(want)
		}
	}
	for _, s := range monitors {
		s.draws(queries, slices.Concat(calm, []string{"failing", "change", "seldom"})...)
	}
	sameVerdict(monitors[0].server, remote)
	if code := m.west[1].exit(); code != exitRule {
		t.Errorf("exit code %d, want %d", code, exitRule)
	}
	m.west[0].signal(syscall.SIGKILL)
	m.west[0].exit()
	for _, s := range monitors {
		for _, c := range m.west {
			s.news.tells(down(c))
		}
	}

	m.mend()
	for i := range m.west {
		m.restart(i)
	}
	m.mended()
	for _, s := range monitors {
		for _, n := range append(expected(m), down(m.west[0]), down(m.west[1])) {
			if n.Labels["alertname"] != "DatabaseHasFailed" { // a counter in the east still says so
				s.news.waitFor("resolved", n.Labels)
			}
		}
		s.rulesAreWell(short)
		s.asIs.rulesAreWell(files)
		s.asIs.draws(queries, calm...)
		s.scrapesCleanly()
		s.asIs.scrapesCleanly()
		s.none("prometheus_notifications_dropped_total")
		s.none("prometheus_notifications_errors_total")
		s.asIs.none("prometheus_remote_storage_samples_failed_total")
	}
	remote.rulesAreWell(short)
}

// tells waits until the receiver has been told of an alert, and checks every word of it.
func (r *receiver) tells(want notification) {
	r.server.t.Helper()
	n := r.waitFor("firing", want.Labels)
	for name, text := range want.Annotations {
		if n.Annotations[name] != text {
			r.server.t.Errorf("the %s of %v is %q, want %q", name, want.Labels, n.Annotations[name], text)
		}
	}
	runbook := "https://chorus.example/runbooks/" + want.Labels["alertname"]
	if want.Labels["alertname"] != "DatabaseHasFailed" && n.Annotations["runbook_url"] != runbook {
		r.server.t.Errorf("the runbook of %v is %q, want %q", want.Labels, n.Annotations["runbook_url"], runbook)
	}
}

// alert is what is told of one: its labels, written name=value, and its summary and description.
func alert(summary, description string, labels ...string) notification {
	n := notification{Labels: map[string]string{}, Annotations: map[string]string{"summary": summary}}
	if description != "" {
		n.Annotations["description"] = description
	}
	for _, label := range labels {
		name, value, _ := strings.Cut(label, "=")
		n.Labels[name] = value
	}
	return n
}

func down(c *child) notification {
	return alert("Exporter is down", instance(c)+" has not answered a scrape for 5 minutes: nothing is known of its node",
		"alertname=ChorusExporterDown", "severity=critical", "cluster=west", "instance="+instance(c))
}

// expected are the alerts that follow from what fails.
func expected(m *monitored) []notification {
	const database = "check_name=database-connectivity"
	east, west := "instance="+instance(m.east[0]), "instance="+instance(m.west[0])
	leaver := "instance=" + instance(m.west[1])
	return []notification{
		alert("Critical health check failing", "database-connectivity has been failing for 5 minutes",
			"alertname=HealthCheckFailing", "severity=critical", "cluster=east", "job=chorus_exporter", database, east),
		alert("Critical health check failing", "database-connectivity has been failing for 5 minutes",
			"alertname=HealthCheckFailing", "severity=critical", "cluster=west", "job=chorus_exporter", database, west),
		alert("database-connectivity in the east has failed", "",
			"alertname=DatabaseHasFailed", "severity=page", "cluster=east", database, east),
		alert("Low system health score", "System health score: 0.5",
			"alertname=LowSystemHealth", "severity=warning", "cluster=west", west),
		alert("Component database degraded", "Health score: 0",
			"alertname=ComponentDegraded", "severity=warning", "cluster=east", "component=database", east),
		alert("Node is unhealthy", instance(m.east[0])+" has been unhealthy for 15 minutes; /health says why",
			"alertname=ChorusUnhealthy", "severity=warning", east),
		alert("Exporter refused its configuration", "The last reload found a fault, so the configuration and the rules of "+
			"before are still in force. The next start would fail.",
			"alertname=ChorusConfigReloadFailed", "severity=warning", east),
		alert("Exporter can not evaluate rules of the group own", "What these rules would say is not known, and no rule "+
			"may stop the node.", "alertname=ChorusRuleFailing", "severity=warning", "group=own", east),
		alert("Cluster east is in trouble", "100% of the nodes are unhealthy, stopping or do not answer",
			"alertname=ChorusFleetUnhealthy", "severity=critical", "cluster=east"),
		alert("Key probe of cluster east is held by too few nodes", "No exporter finds more than 2 nodes that hold it, under "+
			"p2p.replication.min_holders", "alertname=ChorusReplicationUnderTarget", "severity=warning", "cluster=east"),
		alert("Shutdown of a node is held back", "Critical check database-connectivity is failing, and the fleet or a failing "+
			"rule holds the shutdown back", "alertname=ChorusShutdownHeldBack", "severity=warning", database, east),
		alert("Node would be stopped by a rule", "Critical check database-connectivity has been failing; shutdown.mode is "+
			"observe, so nothing is done", "alertname=ChorusShutdownRequested", "severity=info", database, west),
		alert("Node is stopped by a rule", "Critical check database-connectivity has been failing, and the node is drained "+
			"and told to go", "alertname=ChorusShutdownRequested", "severity=warning", database, leaver),
	}
}
