package evaluator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"chorus/evaluator/engine"
	"chorus/rules"
)

func TestNewRoom(t *testing.T) {
	few := rules.Options{Components: []string{"resources"}}
	for _, tc := range []struct {
		name        string
		max, probes int
		checks      int // custom
	}{
		{"the default", DefaultMaxSeries, 10, 0},
		{"little", 400, 0, 0},
		{"next to nothing", 10, 5, 0},
		{"custom checks that fit", DefaultMaxSeries, 0, 500},
		{"custom checks that just fit", 5000, 0, 500},
		{"custom checks that don't", 2000, 0, 500},
		{"many probes", DefaultMaxSeries, 1000, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := few
			if tc.checks > 0 {
				o.Own = []string{manyChecks(t, tc.checks)}
			}
			set := loadRules(t, o)
			r := newRoom(tc.max, set, tc.probes)
			if r.Limit(engine.Custom) <= 0 || r.Limit(engine.Custom) >= r.Limit(engine.Code) || r.Limit(engine.Code) >= r.Limit(engine.Shipped) ||
				r.Limit(engine.Shipped) >= r.Limit(engine.Deciding) || r.Limit(engine.Deciding) != tc.max {
				t.Errorf("room %+v: every class must have more than the one before", r)
			}
			if SeriesNeeded(set, tc.probes).Fits(tc.max) == nil && r.Limit(engine.Custom) < 4*tc.checks {
				t.Errorf("room %+v: %d for the custom rules, they need %d", r, r.Limit(engine.Custom), 4*tc.checks)
			}
			for c := range engine.Classes { // what is used is no longer kept
				r.Used[c] = r.Kept[c]
			}
			if r.Limit(engine.Custom) != tc.max {
				t.Errorf("all of it used: limit %d, want %d", r.Limit(engine.Custom), tc.max)
			}
		})
	}
}

// tickAll evaluates whether the store has room or not.
func (n *node) tickAll(times int) *Snapshot {
	for range times {
		n.now = n.now.Add(5 * time.Second)
		_ = n.Tick(context.Background(), n.now) // what found no room
	}
	return n.Snapshot()
}

// Whoever fills the store: the status rules work, the verdict is right, and it says why.
func TestFullStoreSilencesNoVerdict(t *testing.T) {
	copies := "\n  - {record: 'own:copy', expr: own_metric}"
	for _, tc := range []struct {
		name     string
		custom   string
		max      int
		fill     func(n *node)
		want     Status
		message  string
		unwanted string
	}{
		{
			"a custom rule", copies, 2000,
			func(n *node) {
				for i := range 1500 {
					n.set(fmt.Sprintf(`own_metric{x="%d"}`, i), 1)
				}
			}, Degraded, "the store of series is full", "",
		},
		{
			"measured series", copies, 2000,
			func(n *node) {
				for i := range 5000 {
					n.set(fmt.Sprintf(`other{x="%d"}`, i), 1)
				}
			}, Degraded, "the store of series is full", "",
		},
		{
			"measured series with our prefix", copies, 2000,
			func(n *node) {
				for i := range 5000 {
					n.set(fmt.Sprintf(`chorus_p2p_peer{x="%d"}`, i), 1)
				}
			}, Degraded, "the store of series is full", "",
		},
		{
			"alerts of a custom rule", "\n  - {alert: Own, expr: own_metric > 0, labels: {check_name: own, severity: critical}, annotations: {summary: own}}", 2000,
			func(n *node) {
				for i := range 1500 {
					n.set(fmt.Sprintf(`own_metric{x="%d"}`, i), 1)
				}
			}, Degraded, "", "",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNode(t, own(t, rules.Options{Components: []string{"resources"}}, tc.custom), Options{MaxSeries: tc.max})
			n.resources(0.5, 0.5, 0.5)
			n.set("own_metric", 0)
			n.pass(0)
			n.want(n.pass(time.Second), Healthy, "All health checks passing")
			tc.fill(n)
			s := n.tickAll(5)
			if s.Status == Healthy || strings.Contains(s.Message, "status rules failed") {
				t.Errorf("%s %q", s.Status, s.Message)
			}
			if tc.message != "" {
				n.want(s, tc.want, tc.message)
			}
			if series, _ := n.engine.Store.Stats(); series > tc.max {
				t.Errorf("%d series, more than %d", series, tc.max)
			}
			n.resources(0.5, 0.5, 0.95) // the shipped rules go on working
			s = n.tickAll(1)
			if c := check(t, s, "resource-health"); c.State != StateFiring || s.Status == Healthy {
				t.Errorf("a full disk: %s, check %+v", s.Status, c)
			}
		})
	}
}

// As many custom checks as the arithmetic lets pass give the right verdict, also when all of them fire at once. With some
// more room no rule fails, either: each of them then waits for the shutdown as well.
func TestAllThatFitsWorks(t *testing.T) {
	set := rules.Options{Own: []string{manyChecks(t, 300)}}
	needed := SeriesNeeded(loadRules(t, set), 0).Total()
	for _, more := range []int{10, 2 * 300 * perAlert} {
		n := newNode(t, set, Options{MaxSeries: needed + more})
		for _, v := range []float64{-1, 10_000, -1, 10_000} { // nothing fires, all of them fire
			n.set("own_metric", v)
			s := n.tickAll(2)
			if (s.Status == Unhealthy) != (v > 0) || len(s.Checks) != 300 || more > 10 && len(s.Failing) > 0 {
				t.Errorf("%d more, own_metric %v: %s %.200q, %d checks, failing %v", more, v, s.Status, s.Message,
					len(s.Checks), s.Failing)
			}
		}
	}
}

// Far more custom checks than fit, which the loader refuses but an embedding may bring: no verdict of health, and no
// failure of the status rules.
func TestMoreCustomChecksThanFit(t *testing.T) {
	set := rules.Options{Own: []string{manyChecks(t, 1000)}}
	n := newNode(t, set, Options{MaxSeries: 4000})
	for _, v := range []float64{-1, 10_000} { // nothing fires, all of them fire
		n.set("own_metric", v)
		s := n.tickAll(3)
		if s.Status == Healthy || strings.Contains(s.Message, "status rules failed") {
			t.Errorf("own_metric %v: %s %.200q", v, s.Status, s.Message)
		}
		if len(s.Failing) == 0 || len(s.Checks) == 0 {
			t.Errorf("own_metric %v: %d groups fail, %d checks are there", v, len(s.Failing), len(s.Checks))
		}
		if v > 0 && stateOf(s, "A0") != "firing" {
			t.Error("an alert that finds no room in the store is not shown")
		}
	}
}
