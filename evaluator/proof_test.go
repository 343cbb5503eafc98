package evaluator

import (
	"math"
	"strings"
	"testing"
	"time"

	"chorus/rules"
)

const lagRules = `
groups:
  - name: lag
    rules:
      - alert: Lag
        expr: app_lag_seconds > 10
        for: 20s
        labels: {check_name: lag, component: app, severity: critical}
        annotations: {summary: 'lag is {{ $value }}s'}
      - record: lag:ratio
        expr: app_lag_seconds / on () app_limit
`

const lagProven = `chorus_health_check_proven{check_name="lag"}`

// What keeps a rule check from being proven, one at a time: each is followed by a sound evaluation, which proves it.
func TestRuleCheckIsProvenBySoundEvaluation(t *testing.T) {
	for name, first := range map[string]func(n *node){
		"no data":              func(*node) {},
		"data is not a number": func(n *node) { n.set("app_lag_seconds", math.NaN()) },
		"an alert is pending":  func(n *node) { n.set("app_lag_seconds", 11) },
		"a rule of its group fails": func(n *node) {
			n.set("app_lag_seconds", 1)
			n.set(`app_limit{k="1"}`, 1)
			n.set(`app_limit{k="2"}`, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, rules.Options{Own: []string{ownRules(t, lagRules)}}, Options{})
			first(n)
			s := n.pass(0)
			if c := check(t, s, "lag"); s.Status != Starting || c.State != StateUnknown || c.Healthy || n.exposition()[lagProven] != 0 {
				t.Fatalf("%s with the check %+v, proven %v, want starting, unknown and unproven", s.Status, c, n.exposition()[lagProven])
			}
			n.drop("app_")
			n.set("app_lag_seconds", 1)
			n.pass(time.Second)
			s = n.pass(time.Second)
			n.want(s, Healthy, "All health checks passing")
			if c := check(t, s, "lag"); c.State != StateOK || !c.Healthy || n.exposition()[lagProven] != 1 {
				t.Fatalf("the check is %+v, proven %v, want ok and proven", c, n.exposition()[lagProven])
			}
		})
	}
}

// A sound rule check is proven by the very evaluation that knows it first, so that a reload that adds it changes nothing.
func TestProofTakesOneEvaluation(t *testing.T) {
	n := newNode(t, rules.Options{}, Options{})
	n.set("app_lag_seconds", 1)
	n.pass(0)
	n.pass(time.Second)
	n.SetRules(loadRules(t, rules.Options{Own: []string{ownRules(t, lagRules)}}))
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
}

// A rule file that is added while running, for a metric that does not exist, is never healthy.
func TestUnprovenAfterReload(t *testing.T) {
	n := newNode(t, rules.Options{}, Options{})
	n.pass(0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	n.SetRules(loadRules(t, rules.Options{Own: []string{ownRules(t, lagRules)}}))
	first := n.pass(time.Second)
	n.want(first, Degraded, "lag: no samples of app_lag_seconds")
	if c := check(t, first, "lag"); c.State != StateUnknown || c.Healthy {
		t.Errorf("the check is %+v, want unknown", c)
	}
	n.want(n.pass(29*time.Second), Degraded, "lag")
	n.want(n.pass(time.Second), Unhealthy, "lag")
	n.set("app_lag_seconds", 1)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
}

func TestWhatLosesProof(t *testing.T) {
	load := func(text string) *rules.Set { return loadRules(t, rules.Options{Own: []string{ownRules(t, text)}}) }
	n := newNode(t, rules.Options{}, Options{})
	n.set("app_lag_seconds", 1)
	n.SetRules(load(lagRules))
	n.pass(0)
	n.pass(time.Second)

	n.SetRules(load(strings.Replace(lagRules, "> 10", "> 0.5", 1)))
	if n.pass(time.Second); n.exposition()[lagProven] != 1 {
		t.Error("another limit loses the proof")
	}
	if n.pass(time.Minute); n.exposition()[lagProven] != 1 || n.Snapshot().Status != Unhealthy {
		t.Errorf("an alert that fires loses the proof, or does not count: %s", n.Snapshot().Status)
	}
	n.SetRules(loadRules(t, rules.Options{}))
	n.pass(time.Second)
	if _, there := n.exposition()[lagProven]; there {
		t.Error("the proof of a check that is gone is exposed")
	}
	n.SetRules(load(strings.Replace(lagRules, "> 10", "> 0.5", 1)))
	if n.pass(time.Second); n.exposition()[lagProven] != 0 {
		t.Error("a check that is declared again is proven without having passed")
	}
}

// A proven check whose data vanishes is unknown at once, and not pending.
func TestDataOfAProvenCheckVanishes(t *testing.T) {
	n := newNode(t, rules.Options{Own: []string{ownRules(t, lagRules)}}, Options{})
	n.set("app_lag_seconds", 1)
	n.pass(0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	n.drop("app_lag_seconds")
	s := n.pass(time.Second)
	n.want(s, Degraded, "lag: no samples of app_lag_seconds")
	if c := check(t, s, "lag"); c.State != StateUnknown || c.Healthy {
		t.Errorf("the check is %+v, want unknown", c)
	}
	n.want(n.pass(119*time.Second), Degraded, "lag: no samples of app_lag_seconds")
	n.want(n.pass(time.Second), Unhealthy, "lag: no samples of app_lag_seconds")
}

// A probe's proof is measured. What it says stands, also where rules speak for the check too.
func TestMeasuredProofStands(t *testing.T) {
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{})
	n.probe("db", "true", 1)
	n.want(n.pass(0), Starting, "db")
	n.want(n.pass(29*time.Second), Starting, "db")
	n.pass(time.Second)
	n.want(n.pass(50*time.Millisecond), Unhealthy, "db")
	n.probe("db", "true", 0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	if _, there := n.exposition()[`chorus_health_check_proven{check_name="db"}`]; there {
		t.Error("the evaluator exposes the proof of a probe")
	}
}

// A masked alert leaves its check healthy and names the check that masks it.
func TestMaskedAlertLeavesCheckHealthy(t *testing.T) {
	n := newNode(t, rules.Options{Own: []string{ownRules(t, `
groups:
  - name: own
    rules:
      - alert: Base
        expr: base > 0
        labels: {check_name: base, component: own, severity: warning}
        annotations: {summary: base is bad}
      - alert: Follow
        expr: follow > 0
        labels: {check_name: follow, component: own, severity: critical, depends_on: base}
        annotations: {summary: follow is bad}
`)}}, Options{})
	n.set("base", 0)
	n.set("follow", 0)
	n.pass(0)
	n.pass(time.Second)
	n.set("base", 1)
	n.set("follow", 1)
	s := n.pass(time.Second)
	n.want(s, Degraded, "base is bad")
	c := check(t, s, "follow")
	if !c.Healthy || c.State != StatePending || len(c.Alerts) != 1 || !c.Alerts[0].Masked || c.Alerts[0].MaskedBy != "base" {
		t.Errorf("the masked check is %+v, want healthy, pending, masked by base", c)
	}
}

// A start names what it waits for, and why: the error of the last run, or the alert that says most.
func TestStartSaysWhatItWaitsFor(t *testing.T) {
	n := newNode(t, rules.Options{
		Components: []string{"database"}, Probes: []string{"db"}, Own: []string{ownRules(t, lagRules+`
      - alert: LagUnreadable
        expr: absent(app_lag_seconds)
        labels: {check_name: lag, component: app, severity: info}
        annotations: {summary: lag cannot be read}
`)},
	}, Options{Cause: func(check string, _ time.Time) (string, bool) { return "connection refused", check == "db" }})
	n.want(n.pass(0), Starting, "starting: waiting for lag: cannot be read")
	n.probe("db", "true", 1)
	n.set("app_lag_seconds", 1)
	n.pass(time.Second)
	if got := (&Check{Name: "db", Error: "connection refused"}).Reason(); got != "connection refused" {
		t.Errorf("the reason is %q", got)
	}
}
