package evaluator

import (
	"strings"
	"testing"
	"time"

	"chorus/rules"
)

// A check is blind by a rule whose results its own rules read, through any number of steps, and says which rule that is
// from the first evaluation on.
func TestCheckNamesTheRuleThatBlindsIt(t *testing.T) {
	file := ownRules(t, `
groups:
  - name: steps
    rules:
      - {record: 'own:joined', expr: own_metric * on () own_factor}
      - {record: 'own:smooth', expr: 'own:joined * 2'}
      - {record: 'own:other', expr: own_metric}
      - alert: Own
        expr: own:smooth > 10
        labels: {check_name: own, component: own, severity: warning}
        annotations: {summary: own is over 10}
      - alert: Other
        expr: own:other > 10
        labels: {check_name: other, component: own, severity: warning}
        annotations: {summary: other is over 10}
`)
	const text = "rule own:joined of group steps failed to evaluate: found duplicate series"
	t.Run("never proven", func(t *testing.T) {
		n := newNode(t, rules.Options{Own: []string{file}}, Options{})
		n.set(`own_metric{a="1"}`, 1)
		n.set(`own_metric{a="2"}`, 1)
		n.set(`own_factor{a="1"}`, 1)
		n.set(`own_factor{a="2"}`, 1)
		n.pass(0)
		s := n.pass(time.Second)
		n.want(s, Starting, "starting: waiting for own: "+text)
		if c := check(t, s, "own"); c.Healthy || !strings.HasPrefix(c.Error, text) || !strings.HasPrefix(c.Message, text) {
			t.Errorf("the check says %+v, want the failed rule", c)
		}
		n.pass(3 * time.Minute)
		s = n.pass(time.Second)
		n.want(s, Degraded, "own: "+text)
		if strings.Contains(s.Message, "also failing") {
			t.Errorf("%q names the rule twice", s.Message)
		}
		if c := check(t, s, "other"); c.State != StateOK || c.Error != "" {
			t.Errorf("a check that does not read its results: %+v", c)
		}
	})
	t.Run("proven before", func(t *testing.T) {
		n := newNode(t, rules.Options{Own: []string{file}}, Options{})
		n.set("own_metric", 1)
		n.set("own_factor", 1)
		n.pass(0)
		n.want(n.pass(time.Second), Healthy, "All health checks passing")
		n.set(`own_factor{a="1"}`, 1)
		s := n.pass(time.Second)
		n.want(s, Degraded, "own: "+text)
		if c := check(t, s, "own"); c.State != StateUnknown || c.Healthy {
			t.Errorf("a check that reads nothing: %+v", c)
		}
		n.drop("own_factor")
		n.set("own_factor", 1)
		n.want(n.pass(time.Second), Healthy, "All health checks passing")
	})
}

// A check without data says which selector finds nothing, through the rules in between.
func TestCheckNamesWhatIsMissing(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {record: 'own:step', expr: 'sum(own_metric{kind="x"})'}
  - alert: Own
    expr: own_limit < own:step
    labels: {check_name: own, component: own, severity: warning}
    annotations: {summary: own is over its limit}
  - alert: Old
    expr: own_limit offset 1h > 100
    labels: {check_name: old, component: own, severity: warning}
    annotations: {summary: own was over its limit}
`), Options{StartupTimeout: time.Minute})
	n.set("own_limit", 2)
	n.set(`own_metric{kind="y"}`, 1)
	n.pass(0)
	n.want(n.pass(time.Second), Starting, "starting: waiting for old: no samples of own_limit offset 1h; also waiting for: own")
	n.pass(2 * time.Minute)
	s := n.pass(time.Second)
	if c := check(t, s, "own"); c.State != StateUnknown || c.Error != `no samples of own_metric{kind="x"}` || c.Message != c.Error {
		t.Errorf("the check says %+v, want the selector", c)
	}
	n.set(`own_metric{kind="x"}`, 1)
	n.pass(time.Second)
	if c := check(t, n.pass(time.Second), "own"); c.State != StateOK || c.Error != "" {
		t.Errorf("with data: %+v", c)
	}
}
