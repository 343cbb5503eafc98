package evaluator

import (
	"testing"
	"time"

	"chorus/rules"
)

// The status rules count what earlier ones of their group wrote: a threshold that is gone must be noticed at once.
func TestMissingThresholdIsNoticedAtOnce(t *testing.T) {
	for _, gone := range []string{"degraded", "healthy"} {
		t.Run(gone, func(t *testing.T) {
			n := newNode(t, rules.Options{Components: []string{"resources"}}, Options{})
			n.reg.Unregister(rules.NewPolicyCollector(rules.DefaultPolicy()))
			n.resources(0.5, 0.5, 0.5)
			n.set(`chorus_health_threshold{name="healthy"}`, 0.95)
			n.set(`chorus_health_threshold{name="degraded"}`, 0.75)
			n.pass(0)
			n.want(n.pass(time.Second), Healthy, "All health checks passing")
			n.drop(`chorus_health_threshold{name="` + gone)
			n.want(n.pass(time.Second), Unhealthy, "The status rules failed")
			n.want(n.pass(time.Second), Unhealthy, "The status rules failed")
		})
	}
}

// handoverRules has two rules that write own:x one after the other, and readers between and behind them.
const handoverRules = `
groups:
  - name: own
    rules:
      - {record: 'own:x', expr: own_a * on () own_b, labels: {k: part}}
      - {record: chorus_own_between, expr: 'count(own:x{k="part"}) or vector(0)'}
      - {record: 'own:x', expr: 'sum(own:x{k="part"}) or vector(0)', labels: {k: total}}
  - name: later
    rules:
      - {record: chorus_own_later, expr: 'sum(own:x{k="total"})'}
`

// What a rule no longer writes, or failed to write, no rule after it sees.
func TestNoRuleSeesWhatIsNoLongerWritten(t *testing.T) {
	for _, tc := range []struct {
		name       string
		end, again func(n *node)
		failing    bool
	}{
		{"its source is gone", func(n *node) { n.drop("own_a") }, func(n *node) { n.set("own_a", 5) }, false},
		{"it fails", func(n *node) { n.set(`own_b{x="2"}`, 1) }, func(n *node) { n.drop(`own_b{x="2"}`) }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNode(t, rules.Options{Own: []string{ownRules(t, handoverRules)}}, Options{})
			want := func(between, later float64, failing bool) {
				t.Helper()
				s, x := n.pass(time.Second), n.exposition()
				if x["chorus_own_between{}"] != between || x["chorus_own_later{}"] != later {
					t.Errorf("between %v, later %v; want %v, %v", x["chorus_own_between{}"], x["chorus_own_later{}"], between, later)
				}
				if len(s.Failing) > 0 != failing || (s.Status == Healthy) == failing {
					t.Errorf("status %s, failing %v", s.Status, s.Failing)
				}
			}
			n.set("own_a", 5)
			n.set("own_b", 1)
			n.pass(0)
			want(1, 5, false)
			tc.end(n)
			want(0, 0, tc.failing)
			want(0, 0, tc.failing)
			tc.again(n)
			want(1, 5, false)
		})
	}
}

// Two rules write one series: with one value that is fine, as in Prometheus; with two the second rule fails.
func TestTwoRulesWriteOneSeries(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {record: chorus_own_x, expr: own_a}
  - {record: chorus_own_x, expr: own_b}
  - {record: chorus_own_seen, expr: chorus_own_x}
`), Options{})
	n.set("own_a", 1)
	n.set("own_b", 1)
	n.pass(0)
	for _, tc := range []struct {
		name       string
		a, b, seen float64 // negative: gone
		want       Status
	}{
		{"the same value", 1, 1, 1, Healthy},
		{"different values: the first stands", 1, 2, 1, Degraded},
		{"the first goes on with the second's", 2, 2, 2, Healthy},
		{"the second takes over", -1, 3, 3, Healthy},
		{"the first takes over", 4, -1, 4, Healthy},
		{"nobody", -1, -1, -1, Healthy},
		{"both again", 5, 5, 5, Healthy},
	} {
		n.drop("own_")
		if tc.a >= 0 {
			n.set("own_a", tc.a)
		}
		if tc.b >= 0 {
			n.set("own_b", tc.b)
		}
		s := n.pass(time.Second)
		seen, ok := n.exposition()["chorus_own_seen{}"]
		if !ok {
			seen = -1
		}
		if s.Status != tc.want || seen != tc.seen {
			t.Errorf("%s: %s %q, seen %v; want %s, %v", tc.name, s.Status, s.Message, seen, tc.want, tc.seen)
		}
	}
}

// An alert that two groups hold goes on for the one that does not run in the evaluation in which it ends for the other.
func TestAlertHeldBySlowGroup(t *testing.T) {
	n := newNode(t, rules.Options{Own: []string{ownRules(t, `
groups:
  - name: fast
    rules:
      - {alert: Burn, expr: burn_fast > 1, labels: {check_name: own, severity: critical}, annotations: {summary: burns}}
  - name: slow
    interval: 1m
    rules:
      - {alert: Burn, expr: burn_slow > 1, labels: {check_name: own, severity: critical}, annotations: {summary: burns}}
`)}}, Options{})
	tick := func(d time.Duration) *Snapshot {
		t.Helper()
		n.now = n.now.Add(d)
		if err := n.tick(t.Context(), n.now, n.now.Sub(n.engine.Clock.Start), false); err != nil {
			t.Fatal(err)
		}
		return n.Snapshot()
	}
	n.set("burn_fast", 2)
	n.set("burn_slow", 2)
	tick(0)
	n.want(tick(5*time.Second), Unhealthy, "burns")
	n.set("burn_fast", 0)
	n.want(tick(5*time.Second), Unhealthy, "burns")
	n.set("burn_slow", 0)
	n.want(tick(5*time.Second), Unhealthy, "burns")
	n.want(tick(time.Minute), Healthy, "")
}

// stateOf is the state of the first alert of a name, "" without one.
func stateOf(s *Snapshot, name string) string {
	for _, a := range s.Alerts {
		if a.Name == name {
			return a.State
		}
	}
	return ""
}

// An error now and then keeps neither an alert from firing nor a firing one alive without its condition.
func TestFailingRuleKeepsItsFor(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {alert: Own, expr: own_metric * on () own_b > 1, for: 1m, labels: {check_name: own, severity: critical}, annotations: {summary: own is over 1}}
`), Options{})
	n.set("own_metric", 2)
	n.set("own_b", 1)
	fail := func(failing bool) {
		n.drop("own_b")
		n.set("own_b", 1)
		if failing {
			n.set(`own_b{x="2"}`, 1)
		}
	}
	n.set("own_metric", 0) // proven
	n.pass(0)
	n.pass(time.Second)
	n.set("own_metric", 2)
	n.pass(time.Second)
	for i := range 5 {
		fail(i%2 == 0)
		s := n.pass(10 * time.Second)
		want := []string{"", "pending"}[i%2] // hidden while it fails
		if got := stateOf(s, "Own"); got != want || i%2 == 0 && s.Status != Degraded {
			t.Errorf("after %ds: %s, alert %q, want %q", (i+1)*10, s.Status, got, want)
		}
	}
	fail(false)
	n.want(n.pass(10*time.Second), Unhealthy, "own is over 1")
	fail(true)
	if s := n.pass(10 * time.Second); s.Status != Degraded || stateOf(s, "Own") != "" {
		t.Errorf("a rule that fails: %s, alert %q", s.Status, stateOf(s, "Own"))
	}
	fail(false)
	n.want(n.pass(10*time.Second), Unhealthy, "own is over 1")
	fail(true)
	n.pass(10 * time.Second)
	fail(false)
	n.set("own_metric", 0)
	n.want(n.pass(10*time.Second), Healthy, "All health checks passing")
}
