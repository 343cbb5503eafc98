package evaluator

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/rules"
)

// Everything in this file once read as health and is none, or would if somebody took a short cut.

// own loads one group of rules, given as a YAML list.
func own(t *testing.T, o rules.Options, list string) rules.Options {
	o.Own = []string{ownRules(t, "groups:\n- name: own\n  rules:\n"+list)}
	return o
}

func TestFiringWithoutSummary(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - alert: Own
    expr: own_metric > 1
    labels: {check_name: own, severity: critical}
    annotations: {ok: all is fine}
`), Options{})
	n.set("own_metric", 2)
	n.pass(0)
	s := n.pass(time.Second)
	if c := check(t, s, "own"); c.Message != "Own is firing" {
		t.Errorf("message of a firing check: %q", c.Message)
	}
}

// The label job of a metric would keep an alert from every join of the shipped rules.
func TestTargetLabelsOfAMetric(t *testing.T) {
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, `
  - alert: BackupOld
    expr: backup_age_seconds > 10
    labels: {check_name: db, severity: critical}
    annotations: {summary: the backup is old}
`), Options{})
	n.probe("db", "true", 0)
	n.set(`backup_age_seconds{job="nightly",instance="x"}`, 11)
	n.pass(0)
	s := n.pass(time.Second)
	n.want(s, Unhealthy, "the backup is old")
	if l := s.Alerts[0].Labels; l["exported_job"] != "nightly" || l["exported_instance"] != "x" {
		t.Errorf("labels %v, want what a scrape would make of them", l)
	}
}

func TestUnknownSeverity(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - alert: Templated
    expr: own_metric > 1
    labels: {check_name: own, severity: '{{ $labels.level }}'}
    annotations: {summary: own is over 1}
`), Options{})
	n.set(`own_metric{level="page"}`, 0)
	n.pass(0)
	n.set(`own_metric{level="page"}`, 2)
	n.want(n.pass(time.Second), Degraded, "own: rule Templated of group own failed to evaluate: ")
	n.drop("own_metric")
	n.set(`own_metric{level="critical"}`, 2)
	n.want(n.pass(time.Second), Unhealthy, "own is over 1")
}

// An alert that can't be evaluated says nothing of its check, least of all that it is well.
func TestBrokenAlertMakesItsCheckUnknown(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - alert: Own
    expr: own_metric > on () own_limit
    labels: {check_name: own, severity: warning}
    annotations: {summary: own is over its limit, ok: fine}
`), Options{})
	n.set("own_metric", 1)
	n.set("own_limit", 2)
	n.pass(0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	n.set(`own_limit{a="b"}`, 2)
	s := n.pass(time.Minute)
	c := check(t, s, "own")
	if c.State != StateUnknown || c.Healthy || !strings.HasPrefix(c.Message, "rule Own of group own failed to evaluate: ") {
		t.Errorf("a check whose alert is broken: %+v", c)
	}
	for o := range n.Results("own") {
		if o.Healthy {
			t.Errorf("counted as passed: %+v", o)
		}
		break
	}
}

// Two alerts of one name and one label set, as for two windows of one error budget: one begins while the other fires,
// and one takes over from the other in the same evaluation.
func TestAlertsWithTheSameLabels(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {alert: Burn, expr: burn_fast > 1, labels: {check_name: own, severity: critical}, annotations: {summary: fast}}
  - {alert: Burn, expr: burn_slow > 1, labels: {check_name: own, severity: critical}, annotations: {summary: slow}}
  - {record: chorus_own_state, expr: 0 * (burn_fast > 1)}
  - {record: chorus_own_state, expr: 1 + 0 * (burn_fast <= 1)}
`), Options{})
	n.set("burn_fast", 0)
	n.set("burn_slow", 0)
	n.pass(0)
	n.pass(time.Second)
	since := time.Time{}
	for _, step := range []struct{ fast, slow, alerts, state float64 }{
		{2, 0, 1, 0}, {2, 2, 2, 0}, {0, 2, 1, 1}, {2, 0, 1, 0}, {0, 2, 1, 1}, {2, 2, 2, 0}, {2, 0, 1, 0}, {0, 0, 0, 1},
	} {
		n.set("burn_fast", step.fast)
		n.set("burn_slow", step.slow)
		s := n.pass(time.Second)
		c := check(t, s, "own")
		burning := 0
		for _, a := range c.Alerts {
			if a.Name == "Burn" {
				burning++
			}
		}
		if len(s.Failing) > 0 || burning != int(step.alerts) || (s.Status == Unhealthy) != (step.alerts > 0) {
			t.Fatalf("%+v: %s %q, failing %v, alerts %+v", step, s.Status, s.Message, s.Failing, c.Alerts)
		}
		if since.IsZero() {
			since = c.Since
		}
		if step.alerts > 0 && !c.Since.Equal(since) {
			t.Errorf("%+v: since %s, want %s: it has been failing all the time", step, c.Since, since)
		}
		if got := n.exposition()["chorus_own_state{}"]; got != step.state {
			t.Errorf("%+v: recorded %v, want %v", step, got, step.state)
		}
		if got := stored(t, n.engine, "count(ALERTS{alertname='Burn'}) or vector(0)", n.engine.Clock.Last); got["{}"] != min(step.alerts, 1) {
			t.Errorf("%+v: ALERTS %v", step, got)
		}
	}
}

// A check that is not declared still counts, and then the score has nothing to do with it.
func TestAlertOfAnUndeclaredCheck(t *testing.T) {
	n := newNode(t, own(t, rules.Options{Components: []string{"resources"}, Probes: []string{"gone"}}, `
  - {alert: Own, expr: own_metric > 1, labels: {check_name: gone, severity: warning}, annotations: {summary: own is over 1}}
`), Options{})
	n.resources(0.1, 0.1, 0.1)
	n.set("own_metric", 2)
	n.pass(0)
	n.want(n.pass(time.Second), Degraded, "own is over 1")
}

func TestOnlyRulesWriteTheVerdict(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{})
	n.probe("db", "true", 3)
	n.set(`chorus_health_status{status="healthy"}`, 1)
	n.set(`chorus_health_status{status="unhealthy"}`, 0)
	n.set(`chorus_system_health_score`, 1)
	for range 2 {
		n.now = n.now.Add(time.Second)
		if err := n.Tick(context.Background(), n.now); err == nil || !strings.Contains(err.Error(), "only rules may write it") {
			t.Errorf("a verdict that is gathered: %v", err)
		}
	}
	n.want(n.Snapshot(), Unhealthy, "db failed 3 times in a row")
	if s := n.Snapshot(); s.Score != 0 {
		t.Errorf("score %v", s.Score)
	}
}

// stamped is a gauge of 1 with a time of its own.
type stamped struct{ at time.Time }

func (s *stamped) Describe(chan<- *prometheus.Desc) {}
func (s *stamped) Collect(ch chan<- prometheus.Metric) {
	d := prometheus.NewDesc("own_metric", "Help.", nil, nil)
	ch <- prometheus.NewMetricWithTimestamp(s.at, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, 1))
}

func TestOldSamplesAreNoData(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {alert: Own, expr: own_metric > 1, labels: {check_name: own, severity: warning}, annotations: {summary: s}}
`), Options{})
	n.reg.MustRegister(&stamped{n.now})
	n.pass(0)
	n.want(n.pass(4*time.Minute), Healthy, "All health checks passing")
	n.pass(time.Minute)
	n.want(n.pass(2*time.Minute), Degraded, "own: no samples of own_metric")
}

// Samples of others that fill the store must not keep a new check of ours out.
func TestFloodHidesNoCheck(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{MaxSeries: 400})
	for i := range 500 {
		n.set(fmt.Sprintf(`a_flood{x="%d"}`, i), 1)
	}
	for i := range 3 {
		if i == 1 {
			n.probe("db", "true", 3)
		}
		n.now = n.now.Add(time.Second)
		if err := n.Tick(context.Background(), n.now); err == nil {
			t.Fatal("a flood is no error")
		}
	}
	n.want(n.Snapshot(), Unhealthy, "db failed 3 times in a row")
}

// A rule whose results do not all fit writes none of them.
func TestResultsAreWrittenAllOrNone(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {record: 'own:copy', expr: own_metric}
  - {record: chorus_own_copies, expr: 'count(own:copy) or vector(0)'}
`), Options{MaxSeries: 1000})
	n.set(`own_metric{x="0"}`, 1)
	n.pass(0)
	n.pass(time.Second)
	for i := range 400 {
		n.set(fmt.Sprintf(`own_metric{x="%d"}`, i), 1)
	}
	s := n.pass(time.Second)
	n.want(s, Degraded, "rule own:copy of group own failed to evaluate: no room for the results")
	if got := stored(t, n.engine, "own:copy", n.engine.Clock.Last); len(got) > 0 {
		t.Errorf("%d series of a rule that failed", len(got))
	}
	if got := n.exposition()["chorus_own_copies{}"]; got != 0 {
		t.Errorf("the rule after it saw %v series", got)
	}
	n.drop("own_metric")
	n.set(`own_metric{x="0"}`, 1)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	if got := n.exposition()["chorus_own_copies{}"]; got != 1 {
		t.Errorf("%v series after there is room again, want 1", got)
	}
}

func TestActionIsHeldBackWhileUnknown(t *testing.T) {
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, `
  - {alert: Own, expr: own_metric > 1, labels: {check_name: db, severity: warning}, annotations: {summary: s}}
  - alert: Act
    expr: group by (check_name) (ALERTS{alertname="Own", alertstate="firing", action=""})
    for: 1s
    labels: {action: shutdown, severity: info}
    annotations: {summary: act}
`), Options{OnAction: func(context.Context, Action) {}})
	acted := func() (acted bool) {
		for _, g := range n.engine.Groups {
			for _, r := range g.Rules {
				for _, a := range r.Active {
					acted = acted || r.Alert == "Act" && a.Acted
				}
			}
		}
		return acted
	}
	n.probe("db", "false", 0)
	n.pass(0)
	n.set("own_metric", 2)
	n.pass(10 * time.Minute) // the last run is old by now: CheckStale
	n.pass(2 * time.Second)
	s := n.pass(2 * time.Second)
	if c := check(t, s, "db"); c.State != StateUnknown || acted() {
		t.Fatalf("state %s, acted %v", c.State, acted())
	}
	n.probe("db", "false", 0)
	n.pass(2 * time.Second)
	if acted() {
		t.Error("started at once, its `for` did not start again")
	}
	n.pass(2 * time.Second)
	if !acted() {
		t.Error("not started although the check is known again")
	}
}

func TestNaNIsNoData(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {record: chorus_health_check_info, expr: group(chorus_exporter_build_info), labels: {check_name: own, component: own, critical: "false", kind: rule}}
  - {record: chorus_health_check_data, expr: own_metric, labels: {check_name: own}}
`), Options{})
	n.set("own_metric", math.NaN())
	n.pass(0)
	n.want(n.pass(time.Second), Starting, "waiting for own")
	for range n.Results("own") {
		t.Error("a result was counted")
	}
	n.set("own_metric", 0)
	n.pass(time.Second)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
}

func TestStoppingSinceItWasSaid(t *testing.T) {
	n := newNode(t, rules.Options{}, Options{})
	n.pass(0)
	n.pass(time.Second)
	n.Stopping()
	since := n.Snapshot().Since
	n.Stopping()
	for range 3 {
		if s := n.pass(time.Minute); s.Status != Stopping || !s.Since.Equal(since) {
			t.Errorf("%s since %s, want stopping since %s", s.Status, s.Since, since)
		}
	}
}

func TestReloadWhileStarting(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {alert: Own, expr: own_metric > 1, labels: {check_name: own, severity: warning}, annotations: {summary: s}}
`), Options{})
	n.pass(0)
	n.want(n.pass(time.Second), Starting, "waiting for own")
	n.SetRules(loadRules(t, rules.Options{}))
	n.pass(time.Second)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
}
