package evaluator

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
	"chorus/rules"
)

// An own result that nothing would find fails its rule; the loader lets none pass that it can see.
func TestCheckTarget(t *testing.T) {
	check := labels.FromStrings("check_name", "c")
	for _, c := range []struct {
		name string
		rule rules.Rule
		want string // of the error, empty if there is none
	}{
		{"alert of a check", rules.Rule{Own: true, Alert: "A", Labels: check}, "carries the label job"},
		{"alert of no check", rules.Rule{Own: true, Alert: "A"}, ""},
		{"shipped alert", rules.Rule{Alert: "A", Labels: check}, ""},
		{"exposed", rules.Rule{Own: true, Record: "chorus_own"}, "carries the label job"},
		{"step in between", rules.Rule{Own: true, Record: "own:step"}, ""},
		{"other name", rules.Rule{Own: true, Record: "own"}, ""},
		{"label removed", rules.Rule{Own: true, Record: "chorus_own", Labels: labels.FromStrings("job", "")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.rule.Expr = `label_replace(vector(1), "job", "a", "", "")`
			e, err := engine.New(engine.Options{LookBack: time.Hour, MaxSeries: 10, Refuse: refuse})
			if err != nil {
				t.Fatal(err)
			}
			e.Install([]rules.Group{{Rules: []rules.Rule{c.rule}}}, time.Hour)
			at := time.Unix(1000, 0)
			e.Eval(context.Background(), e.Groups[0], engine.Stamp{Steady: at.UnixMilli(), Wall: at})
			err = e.Groups[0].Rules[0].Err
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

// Which check an alert speaks for may come from its series: then it shows only at evaluation.
func TestTargetLabelOfACheckFromTheData(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - {alert: A, expr: app_x > 1, labels: {severity: critical, job: nightly}, annotations: {summary: s}}
`)
	n := newNode(t, rules.Options{Own: []string{own}}, Options{})
	n.set(`app_x{queue="a"}`, 2)
	if s := n.pass(time.Second); len(s.Alerts) != 1 {
		t.Errorf("an alert of no check is missing: %+v", s.Alerts)
	}
	n.set(`app_x{check_name="b"}`, 2)
	n.pass(time.Second)
	if got := n.exposition()[`chorus_rule_failing{group="own"}`]; got != 1 {
		t.Errorf("the rule fails: %v, want 1", got)
	}
}
