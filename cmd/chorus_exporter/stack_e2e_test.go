//go:build e2e && linux

package main

import (
	"slices"
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

// stack is all that watches, and what it watches.
type stack struct {
	*monitored
	monitors  []monitor
	asExample *receiver        // configured as the example says, and told of everything by both
	remote    *server          // is sent what the last one scrapes
	files     []string         // the alerts as they are
	short     []string         // and with their waits shortened
	queries   []dashboardQuery // of the dashboards
	needs     []string         // conditions that hold for them
}

// TestStack runs two versions of Prometheus, each with an Alertmanager, beside clusters in which much fails and is fixed.
// Whoever is paged hears of all of it, in the words of the alerts, and hears when it is over. The dashboards show it.
func TestStack(t *testing.T) {
	t.Parallel()
	needServers(t)
	s := newStack(t)
	s.whileAllIsWell()
	s.fail()
	s.whileMuchFails()
	s.whileSomeAreGone()
	s.mend()
	for i := range s.west {
		s.restart(i)
	}
	s.recovered()
	s.afterwards()
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{monitored: newMonitored(t), files: alertFiles(t), needs: []string{"p2p", "election", "replication", "fleet"}}
	s.short = shortened(t, s.files)
	s.queries = dashboardQueries(t, instance(s.east[0]))
	s.remote = startReceiver(t, s.short)
	operators := append(slices.Clone(s.short), write(t, "operator.rules.yml", operatorsRule))
	s.asExample = startExampleAlertmanager(t)
	run := func(v, asIs prometheusVersion, remoteWrite string) {
		news := startAlertmanager(t)
		told := []string{news.address, s.asExample.address}
		s.monitors = append(s.monitors, monitor{
			server: startPrometheus(t, v, prometheusConfig{targets: s.targets(), rules: operators, alertmanagers: told}),
			asIs:   startPrometheus(t, asIs, prometheusConfig{targets: s.targets(), rules: s.files, remoteWrite: remoteWrite}),
			news:   news,
		})
	}
	run(prometheus3(), prometheus3Native(), "")
	run(prometheus2(), prometheus2(), s.remote.url+"/api/v1/write")
	return s
}

// whileAllIsWell checks that no alert fires, and that what is asked has the exporters' own values.
func (s *stack) whileAllIsWell() {
	for _, m := range s.monitors {
		m.soon("it scrapes all exporters", func() bool { return m.is("count(up == 1)", 4) })
		m.asksRight(s.monitored)
		m.rulesAreWell(s.short)
		m.soon("no alert is pending or firing", func() bool { return len(m.results("ALERTS")) == 0 })
		m.draws(s.queries, slices.Concat(s.needs, []string{"classic"})...)
	}
}

// whileMuchFails checks that everything is told, and that no query of a dashboard is empty: not one is by nature.
func (s *stack) whileMuchFails() {
	for _, m := range s.monitors {
		for _, want := range expected(s.monitored) {
			m.news.tells(want)
		}
	}
	for _, m := range s.monitors {
		m.draws(s.queries, slices.Concat(s.needs, []string{"classic", "failing", "change", "seldom"})...)
	}
	sameVerdict(s.monitors[0].server, s.remote)
	s.asExample.routes(s.monitored)
}

// whileSomeAreGone looks on while one exporter has stopped by its rule, and another one is killed.
func (s *stack) whileSomeAreGone() {
	if code := s.west[1].exit(); code != exitRule {
		s.t.Errorf("exit code %d, want %d", code, exitRule)
	}
	s.west[0].signal(syscall.SIGKILL)
	s.west[0].exit()
	for _, m := range s.monitors {
		for _, c := range s.west {
			m.news.tells(down(c))
		}
		m.draws(s.queries, slices.Concat(s.needs, []string{"classic", "gone"})...)
		m.answersDocumented()
	}
}

// afterwards checks that all is resolved, and that nothing has gone wrong on the servers themselves in all the time.
func (s *stack) afterwards() {
	for _, m := range s.monitors {
		for _, n := range append(expected(s.monitored), down(s.west[0]), down(s.west[1])) {
			if n.Labels["alertname"] != "DatabaseHasFailed" { // a counter in the east still says so
				m.news.waitFor("resolved", n.Labels)
			}
		}
		m.rulesAreWell(s.short)
		m.asIs.rulesAreWell(s.files)
		m.asIs.draws(s.queries, s.needs...) // one of them has no classic buckets
		m.hasDrawn(s.queries)
		m.scrapesCleanly()
		m.asIs.scrapesCleanly()
		m.none("prometheus_notifications_dropped_total")
		m.none("prometheus_notifications_errors_total")
		m.asIs.none("prometheus_remote_storage_samples_failed_total")
	}
	s.remote.rulesAreWell(s.short)
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
	runbook := "/runbooks/" + want.Labels["alertname"]
	if want.Labels["alertname"] != "DatabaseHasFailed" && n.Annotations["runbook_url"] != runbook {
		r.server.t.Errorf("the runbook of %v is %q, want %q", want.Labels, n.Annotations["runbook_url"], runbook)
	}
}
