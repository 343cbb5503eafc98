package evaluator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/evaluator/store"
	"chorus/rules"
)

func TestStartingUntilEveryCheckHasAResult(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{})
	n.want(n.Snapshot(), Starting, "starting: waiting for the first evaluation")
	if n.Snapshot().Complete {
		t.Error("complete before the first evaluation")
	}
	n.probe("db", "true", 1) // has not passed
	n.want(n.pass(0), Starting, "waiting for db")
	n.probe("db", "true", 0)
	n.pass(time.Second) // sees the run
	s := n.pass(time.Second)
	n.want(s, Healthy, "All health checks passing")
	if !s.Complete {
		t.Error("not complete after an evaluation")
	}
}

func TestStartupTimeout(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{StartupTimeout: time.Minute})
	n.probe("db", "false", 1)
	n.drop("chorus_health_check_last_run")
	n.pass(0)
	n.want(n.pass(59*time.Second), Starting, "waiting")
	n.pass(2 * time.Second)
	s := n.pass(time.Second)
	n.want(s, Degraded, "has not passed since it was declared")
	if c := check(t, s, "db"); c.State != StateUnknown || c.Healthy {
		t.Errorf("a probe that never ran is %+v", c)
	}
}

func TestProbeFailsAndRecovers(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{})
	n.probe("db", "true", 0)
	n.pass(0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	n.probe("db", "true", 1)
	s := n.pass(5 * time.Second)
	if c := check(t, s, "db"); c.State != StatePending || !c.Healthy || c.ConsecutiveFailures != 1 {
		t.Errorf("one failure of three: %+v", c)
	}
	if s.Message == "All health checks passing" {
		t.Error("all is not well while a check is pending")
	}
	n.probe("db", "true", 3)
	s = n.pass(5 * time.Second)
	n.want(s, Unhealthy, "db failed 3 times in a row")
	c := check(t, s, "db")
	if c.State != StateFiring || c.Healthy || !c.Since.Equal(s.Time) || len(c.Alerts) == 0 || c.Alerts[0].Value != 3 {
		t.Errorf("three failures of three: %+v", c)
	}
	n.probe("db", "true", 0)
	n.want(n.pass(5*time.Second), Healthy, "All health checks passing")
}

func TestRuleCheck(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{HistoryEntries: 3})
	n.resources(0.5, 0.5, 0.5)
	n.pass(0)
	s := n.pass(time.Second)
	n.want(s, Healthy, "All health checks passing")
	c := check(t, s, "resource-health")
	if c.Message == "" || c.Description == "" || c.Kind != "rule" || c.Interval != time.Minute {
		t.Errorf("a rule check that passes: %+v", c)
	}
	if s.Score != 1 || s.KeyMetrics["resource_utilization_cpu"] != 0.5 {
		t.Errorf("score %v, key metrics %v", s.Score, s.KeyMetrics)
	}
	n.resources(0.5, 0.5, 0.95)
	s = n.pass(5 * time.Second)
	n.want(s, Degraded, "resource-health: / is 95% full (limit 90%)")
	n.drop("chorus_resource_disk_utilization")
	n.pass(5 * time.Second)
	s = n.pass(5 * time.Minute)
	if c := check(t, s, "resource-health"); c.State != StateUnknown || c.Healthy {
		t.Errorf("a check whose metric is gone: %+v", c)
	}
	for range 5 {
		n.pass(time.Minute)
	}
	got := slices.Collect(n.Results("resource-health"))
	if len(got) != 3 || got[0].Healthy || got[0].State != StateUnknown || !got[0].Time.After(got[1].Time) {
		t.Errorf("results, newest first, at most 3: %+v", got)
	}
	x := n.exposition()
	if x[`chorus_health_checks_passed_total{check_name="resource-health"}`] != 1 ||
		x[`chorus_health_checks_failed_total{check_name="resource-health"}`] != 6 ||
		x[`chorus_health_check_healthy{check_name="resource-health"}`] != 0 ||
		x[`chorus_health_check_interval_seconds{check_name="resource-health"}`] != 60 {
		t.Errorf("counters of a rule check: %v", x)
	}
	if s := n.Snapshot(); s.TotalRuns != 7 || s.FailedRuns != 6 {
		t.Errorf("runs since start: %d, failed %d", s.TotalRuns, s.FailedRuns)
	}
}

func TestRuleFailureKeepsNoOldVerdict(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - alert: Own
        expr: (own_metric > 1) * on () group_left () own_factor
        labels: {check_name: own, component: own, severity: critical}
        annotations: {summary: own is over 1}
`)
	n := newNode(t, rules.Options{Own: []string{own}}, Options{})
	n.set("own_metric", 0)
	n.set("own_factor", 1)
	n.pass(0)
	n.set("own_metric", 2)
	n.pass(time.Second)
	n.want(n.pass(time.Second), Unhealthy, "own is over 1 (2)")
	n.drop("own_factor")
	n.set(`own_factor{a="1"}`, 1)
	n.set(`own_factor{a="2"}`, 1)
	s := n.pass(time.Second)
	n.want(s, Degraded, "own: rule Own of group own failed to evaluate: ")
	if len(s.Alerts) != 0 {
		t.Errorf("a rule that fails keeps its old alert: %+v", s.Alerts)
	}
	if got := stored(t, n.engine, "ALERTS", n.engine.Clock.Last); len(got) != 0 {
		t.Errorf("ALERTS of a failing rule: %v", got)
	}
	if x := n.exposition(); x[`chorus_rule_failing{group="own"}`] != 1 || x[`chorus_rule_failing{group="checks"}`] != 0 {
		t.Errorf("chorus_rule_failing: %v", x)
	}
	if v := testutil.ToFloat64(n.metrics.failures.WithLabelValues("own")); v != 1 {
		t.Errorf("%v evaluation failures counted, want 1", v)
	}
	n.drop("own_factor")
	n.set("own_factor", 1)
	n.want(n.pass(time.Second), Unhealthy, "own is over 1")
}

func TestReloadWithoutTheFailingGroup(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - {record: 'own:joined', expr: own_a * on () own_b}
`)
	n := newNode(t, rules.Options{Own: []string{own}}, Options{})
	n.set(`own_a{x="1"}`, 1)
	n.set(`own_a{x="2"}`, 1)
	n.set(`own_b{x="1"}`, 1)
	n.set(`own_b{x="2"}`, 1)
	n.pass(0)
	n.want(n.pass(time.Second), Degraded, "rule own:joined of group own failed to evaluate: ")
	n.SetRules(loadRules(t, rules.Options{}))
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	for name := range n.exposition() {
		if strings.Contains(name, `group="own"`) {
			t.Errorf("%s is still exposed", name)
		}
	}
}

func TestStatusRulesFail(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{})
	n.reg.Unregister(rules.NewPolicyCollector(rules.DefaultPolicy()))
	n.resources(0.5, 0.5, 0.5)
	n.pass(0)
	n.want(n.pass(time.Second), Unhealthy, "The status rules failed: exactly one status must hold, recorded none")
	if x := n.exposition(); x[`chorus_health_status{status="unhealthy"}`] != 1 || x[`chorus_health_status{status="healthy"}`] != 0 {
		t.Errorf("exposed status differs from the answer's: %v", x)
	}
}

func TestSetRulesKeepsState(t *testing.T) {
	file := func(limit, summary string) string {
		return ownRules(t, `
groups:
  - name: own
    rules:
      - alert: Own
        expr: own_metric > `+limit+`
        for: 1m
        labels: {check_name: own, component: own, severity: warning}
        annotations: {summary: `+summary+`}
`)
	}
	n := newNode(t, rules.Options{Own: []string{file("1", "first")}}, Options{})
	n.set("own_metric", 0)
	n.pass(0)
	n.set("own_metric", 5)
	n.pass(time.Second)
	n.pass(40 * time.Second)
	n.SetRules(loadRules(t, rules.Options{Own: []string{file("1", "second")}}))
	s := n.pass(25 * time.Second)
	n.want(s, Degraded, "second") // 65s after it began to hold
	n.SetRules(loadRules(t, rules.Options{Own: []string{file("2", "third")}}))
	s = n.pass(time.Second)
	if a := s.Alerts; len(a) != 1 || a[0].State != "firing" || a[0].Summary != "third" {
		t.Errorf("an alert whose expression changed and still holds goes on: %+v", a)
	}
	n.SetRules(loadRules(t, rules.Options{}))
	s = n.pass(time.Second)
	if len(s.Alerts) != 0 || len(stored(t, n.engine, `ALERTS`, n.engine.Clock.Last)) != 0 {
		t.Errorf("the alerts of a rule that went: %+v", s.Alerts)
	}
	if len(s.Checks) != 0 {
		t.Errorf("the checks of rules that went: %+v", s.Checks)
	}
}

func TestClockStepChangesNoVerdict(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{})
	ctx := context.Background()
	var wall, steady time.Duration
	step := func(d time.Duration) *Snapshot {
		steady += d
		wall += d
		n.now = n.engine.Clock.Start.Add(wall) // timestamps that are measured are wall times
		n.probe("db", "true", 0)
		if err := n.tick(ctx, n.now, steady, false); err != nil {
			t.Fatal(err)
		}
		return n.Snapshot()
	}
	step(0)
	n.want(step(time.Second), Healthy, "")
	since := n.Snapshot().Since
	for _, jump := range []time.Duration{6 * time.Hour, -12 * time.Hour} {
		wall += jump
		s := step(5 * time.Second)
		n.want(s, Healthy, "All health checks passing")
		since = since.Add(jump)
		if d := s.Since.Sub(since).Abs(); d > time.Second {
			t.Errorf("after a step by %s since is %s, want %s", jump, s.Since, since)
		}
	}
}

func TestSeriesBound(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{MaxSeries: 200})
	n.resources(0.5, 0.5, 0.5)
	n.pass(0)
	for i := range 500 {
		n.set(`flood{x="`+strings.Repeat("x", i)+`"}`, 1)
	}
	n.now = n.now.Add(time.Second)
	if err := n.Tick(context.Background(), n.now); !errors.Is(err, store.ErrSeriesLimit) {
		t.Errorf("a flood of series: %v, want ErrSeriesLimit", err)
	}
	n.want(n.Snapshot(), Healthy, "")
	if series, _ := n.engine.Store.Stats(); series > 200 {
		t.Errorf("%d series, more than the bound of 200", series)
	}
	if v := testutil.ToFloat64(n.metrics.refused); v == 0 {
		t.Error("refused samples are not counted")
	}
	n.now = n.now.Add(time.Second)
	if err := n.Tick(context.Background(), n.now); !errors.Is(err, store.ErrSeriesLimit) {
		t.Errorf("a flood that goes on: %v, want ErrSeriesLimit", err)
	}
	n.want(n.Snapshot(), Degraded, "the store of series is full")
}

func TestGatherErrorIsReportedAndTheRestJudged(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{})
	n.resources(0.5, 0.5, 0.5)
	n.pass(0)
	n.reg.MustRegister(failingCollector{})
	n.now = n.now.Add(time.Second)
	if err := n.Tick(context.Background(), n.now); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("a failing collector: %v", err)
	}
	n.want(n.Snapshot(), Healthy, "All health checks passing")
}

type failingCollector struct{}

func (failingCollector) Describe(chan<- *prometheus.Desc) {}
func (failingCollector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(errors.New("out of order")), errors.New("out of order"))
}

func TestExposition(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{})
	n.resources(0.5, 0.5, 0.5)
	n.pass(0)
	n.pass(time.Second)
	problems, err := testutil.GatherAndLint(prometheus.Gatherers{n.reg, n.Derived()})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "chorus_") {
			t.Errorf("lint: %s: %s", p.Metric, p.Text)
		}
	}
	for name := range n.exposition() {
		if strings.Contains(name[:strings.Index(name, "{")], ":") {
			t.Errorf("%s is a step in between and must not be exposed", name)
		}
	}
	if n.exposition()[`chorus_system_health_score{}`] != 1 {
		t.Errorf("score is not exposed: %v", n.exposition())
	}
}
