package evaluator

import (
	"context"
	"testing"
	"time"

	"chorus/rules"
)

// A label that masks, acts or holds back has an effect only where the file declares it: one that a metric
// brings fails the rule. (The loader refuses what an expression makes.)
func TestExpressionNeitherMasksNorActs(t *testing.T) {
	for name, label := range map[string]string{
		"masked by itself": `depends_on="own"`, "acts": `action="shutdown"`, "acts by another name": `action="foo"`,
		"holds": `holds="shutdown"`,
	} {
		t.Run(name, func(t *testing.T) {
			acted := make(chan Action, 10)
			n := newNode(t, own(t, rules.Options{}, `
  - alert: Own
    expr: own_metric > 1
    labels: {check_name: own, component: own, severity: critical}
    annotations: {summary: own is over 1}
`), Options{OnAction: func(_ context.Context, a Action) { acted <- a }})
			n.set("own_metric{"+label+"}", 0)
			n.pass(0)
			n.want(n.pass(time.Second), Healthy, "All health checks passing")
			n.set("own_metric{"+label+"}", 2)
			for range 3 {
				n.want(n.pass(time.Second), Degraded, "rule Own of group own failed to evaluate: the expression sets the label")
			}
			if c := check(t, n.Snapshot(), "own"); c.Healthy || c.State != StateUnknown {
				t.Errorf("the check is %+v, want unknown", c)
			}
			if len(acted) > 0 {
				t.Errorf("acted: %+v", <-acted)
			}
		})
	}
}
