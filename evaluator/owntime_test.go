package evaluator

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/rules"
)

// A check on a metric that brings its own time is unknown once that time is too old, and the sample counts nowhere as new.
func TestOwnTimeOfACheck(t *testing.T) {
	n := newNode(t, own(t, rules.Options{}, `
  - {alert: Own, expr: own_metric > 1, labels: {check_name: own, severity: warning}, annotations: {summary: s}}
`), Options{})
	c := &stamped{n.now}
	n.reg.MustRegister(c)
	n.pass(0)
	n.want(n.pass(time.Second), Healthy, "All health checks passing")
	n.reg.Unregister(c)
	n.want(n.pass(3*time.Minute), Healthy, "All health checks passing") // no marker: it was cached, and still is young
	if s := n.pass(2 * time.Minute); check(t, s, "own").State == StateOK {
		t.Errorf("a sample of 5 minutes ago is data: %+v", s.Checks)
	}
	n.want(n.pass(2*time.Minute), Degraded, "own: no samples of own_metric")
	if got := testutil.ToFloat64(n.metrics.dropped.WithLabelValues("out_of_bounds")); got != 0 {
		t.Errorf("%v samples dropped", got)
	}
	n.reg.MustRegister(&stamped{n.now.Add(time.Hour)})
	n.pass(time.Second)
	if got := testutil.ToFloat64(n.metrics.dropped.WithLabelValues("out_of_bounds")); got != 1 {
		t.Errorf("%v samples dropped, want the one an hour ahead", got)
	}
}
