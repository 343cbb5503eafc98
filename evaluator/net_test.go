package evaluator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/rules"
)

const criticalRules = `
groups:
  - name: own
    rules:
      - alert: Own
        expr: own_metric > 1
        labels: {check_name: own, component: own, severity: critical}
        annotations: {summary: own is over 1}
`

// sabotage gives a shipped rule another expression, as a fault in it would.
func sabotage(n *node, record, expr string) {
	n.Evaluator.mu.Lock()
	defer n.Evaluator.mu.Unlock()
	for _, g := range n.engine.Groups {
		for _, r := range g.Rules {
			if r.Record == record {
				broken := *r.Rule
				broken.Expr = expr
				r.Rule = &broken
			}
		}
	}
}

// A fault in the shipped rules that loses an alert, or does not see a check, is caught.
func TestNetUnderFaultyRules(t *testing.T) {
	for _, tc := range []struct {
		name, record, expr string
		metric             float64
		drop               bool
		want               Status
		message            string
	}{
		{"the alert is not counted", "chorus_health_alert", "vector(0) == 1", 2, false, Unhealthy, "although critical alert Own fires for own"},
		{"counting fails", "chorus_health_alert", "label_replace(own_metric, \"(\", \"\", \"\", \"\")", 2, false, Unhealthy, "own is over 1"},
		{"an unknown check is not seen", "health:check_unknown", "vector(0) == 1", 0, true, Degraded, "although check own is unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNode(t, rules.Options{Own: []string{ownRules(t, criticalRules)}}, Options{})
			n.set("own_metric", 0)
			n.pass(0)
			n.want(n.pass(time.Second), Healthy, "All health checks passing")
			sabotage(n, tc.record, tc.expr)
			n.set("own_metric", tc.metric)
			if tc.drop {
				n.drop("own_metric")
			}
			n.want(n.pass(time.Second), tc.want, tc.message)
			if got := testutil.ToFloat64(n.metrics.contradictions); got != 1 {
				t.Errorf("%v contradictions counted, want 1", got)
			}
		})
	}
}

// status.rules.yml that always says healthy: the net does not overrule it, but says so.
func TestNetUnderReplacedStatusRules(t *testing.T) {
	status := filepath.Join(t.TempDir(), "status.rules.yml")
	var body strings.Builder
	body.WriteString("groups:\n  - name: status\n    rules:\n")
	for _, s := range Statuses() {
		v := 0
		if s == Healthy {
			v = 1
		}
		fmt.Fprintf(&body, "      - {record: chorus_health_status, expr: '%d * group(chorus_exporter_build_info)', labels: {status: %s}}\n", v, s)
	}
	if err := os.WriteFile(status, []byte(body.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, rules.Options{Own: []string{ownRules(t, criticalRules), status}}, Options{})
	n.set("own_metric", 2)
	s := n.pass(0)
	n.want(s, Healthy, "the status rules said healthy although critical alert Own fires for own")
	n.want(n.pass(time.Second), Healthy, "although")
	if got := testutil.ToFloat64(n.metrics.contradictions); got != 2 {
		t.Errorf("%v contradictions counted, want 2", got)
	}
	n.set("own_metric", 0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	if got := testutil.ToFloat64(n.metrics.contradictions); got != 2 {
		t.Errorf("%v contradictions counted, want 2", got)
	}
}

// TestNoVerdictContradictsItself throws random alerts, labels, masks, thresholds and rule failures at the shipped rules.
// Whatever they make of it, a status that is served as 200 never stands beside a critical alert that fires unmasked, and
// healthy never beside a check that is not.
func TestNoVerdictContradictsItself(t *testing.T) {
	seen, caught := map[Status]int{}, 0.0
	shippedRecords := []string{
		"chorus_health_alert", "health:check_unknown", "chorus_health_check_score", "health:alerts_firing", "health:score_under",
		"chorus_component_health_score", "chorus_system_health_score", "health:component_floor",
	}
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 9))
		set, text := randomRules(t, r)
		n := newNode(t, rules.Options{}, Options{})
		n.SetRules(set)
		for step := range 6 {
			randomSeries(n, r, step)
			if r.IntN(4) == 0 {
				sabotage(n, pick(r, shippedRecords...), pick(r, "vector(0) == 1", "1", `label_replace(m0, "(", "", "", "")`))
			}
			n.now = n.now.Add(time.Duration(1+r.IntN(20)) * time.Second)
			_ = n.Tick(t.Context(), n.now) // what could not be stored is part of the game
			s := n.Snapshot()
			seen[s.Status]++
			if fault := verdictFault(s); fault != "" {
				t.Fatalf("seed %d, step %d: %s: %s %q\nalerts: %+v\nchecks: %+v\nrules:\n%s",
					seed, step, fault, s.Status, s.Message, s.Alerts, s.Checks, text)
			}
		}
		caught += testutil.ToFloat64(n.metrics.contradictions)
	}
	if caught == 0 {
		t.Error("the net never caught anything")
	}
	for _, want := range []Status{Healthy, Degraded, Unhealthy, Starting} {
		if seen[want] < 5 {
			t.Errorf("the status was %s %d times, want more often: %v", want, seen[want], seen)
		}
	}
}

// verdictFault says how a snapshot contradicts itself. It knows masks by what they mean, not by what the rules record.
func verdictFault(s *Snapshot) string {
	weighs := func(a Alert) bool {
		return a.State == "firing" && (a.Severity == "critical" || a.Severity == "warning") && a.Labels["action"] == ""
	}
	for _, a := range s.Alerts {
		masked := a.Labels["depends_on"] != "" && slices.ContainsFunc(s.Alerts, func(o Alert) bool {
			return weighs(o) && o.Check == a.Labels["depends_on"]
		})
		if weighs(a) && a.Severity == "critical" && a.Check != "" && !masked && (s.Status == Healthy || s.Status == Degraded) {
			return "200 beside the critical alert " + a.Name
		}
	}
	for _, c := range s.Checks {
		if s.Status == Healthy && !c.Healthy {
			return "healthy beside the check " + c.Name
		}
		if strings.Contains(s.Message, "All health checks passing") && (s.Status != Healthy || c.State != StateOK) {
			return "all pass beside the check " + c.Name
		}
	}
	return ""
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomRules writes a loadable file of own alerts and recordings.
func randomRules(t *testing.T, r *rand.Rand) (*rules.Set, string) {
	for {
		var b strings.Builder
		b.WriteString("groups:\n")
		for g := range 1 + r.IntN(3) {
			fmt.Fprintf(&b, "  - name: g%d\n    rules:\n", g)
			for i := range 1 + r.IntN(4) {
				fmt.Fprintf(&b, "      - alert: A%d%d\n        expr: '%s'\n", g, i, pick(r,
					"m0 > 0", "m1 > 0.5", "m0 > m1", "m0 * on (k) group_left () m1 > 0", "m2", "absent(m2)", "m0 > 0 or m1 > 1",
					"avg_over_time(m0[30s]) > 0.5", "m1 / m0 > 1", "count(m1) > 1", "m0 > 0 unless m2"))
				fmt.Fprintf(&b, "        %s\n", pick(r, "for: 0s", "for: 10s", "keep_firing_for: 20s"))
				labels := []string{"check_name: " + pick(r, "a", "b", "c", "probe")}
				labels = append(labels, "severity: "+pick(r, "critical", "critical", "warning", "info", "'{{ $labels.sev }}'"))
				labels = append(labels, pick(r, "x: y", "depends_on: b", "depends_on: c", "depends_on: probe", "z: '{{ $value }}'"))
				fmt.Fprintf(&b, "        labels: {%s}\n        annotations: {summary: '{{ $labels.k }} {{ $value }}'}\n",
					strings.Join(labels, ", "))
			}
		}
		file := filepath.Join(t.TempDir(), "own.rules.yml")
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := rules.Load(rules.Options{Own: []string{file}, Probes: []string{"probe"}, Actions: []string{"shutdown"}})
		if err == nil {
			return set, b.String()
		}
	}
}

// randomSeries moves what is measured, and now and then what makes shipped rules fail or lose their limits.
func randomSeries(n *node, r *rand.Rand, step int) {
	for _, name := range []string{"m0", "m1", "m2"} {
		if r.IntN(3) == 0 {
			n.drop(name)
		}
		for range r.IntN(3) {
			n.set(fmt.Sprintf(`%s{k="%s",sev="%s"}`, name, pick(r, "1", "2"), pick(r, "critical", "warning", "page", "info")),
				pick(r, 0, 0, 0.6, 1, 2, -1, math.NaN(), math.Inf(1)))
		}
	}
	n.probe("probe", "true", pick(r, 0.0, 0, 0, 3))
	if r.IntN(6) == 0 {
		n.drop("chorus_health_check_last_run")
	}
	if r.IntN(12) == 0 {
		n.set(`chorus_health_check_info{check_name="probe",component="again",critical="false",kind="probe"}`, 1)
	}
	if r.IntN(10) == 0 {
		n.set(`chorus_health_component_weight{component="other"}`, pick(r, math.NaN(), 0, 1e300, -1))
	}
	if r.IntN(10) == 0 {
		n.set(`chorus_exporter_phase{phase="starting",again="1"}`, pick(r, 0.0, 1, math.NaN()))
	}
	if step == 0 && r.IntN(2) == 0 { // a quiet beginning
		for _, name := range []string{"m0", "m1"} {
			n.drop(name)
			n.set(name+`{k="1",sev="warning"}`, 0)
		}
	}
}
