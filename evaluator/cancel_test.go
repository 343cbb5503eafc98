package evaluator

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"chorus/rules"
)

// countdown is a context that ends when it has been asked left times.
type countdown struct {
	context.Context
	cancel context.CancelFunc
	left   atomic.Int64
}

func newCountdown(n int) *countdown {
	ctx, cancel := context.WithCancel(context.Background())
	c := &countdown{Context: ctx, cancel: cancel}
	c.left.Store(int64(n))
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// TestEndOfContextChangesNothing ends an evaluation after every number of rules, at the moment in which an action would
// fire: nothing is published, no alert is lost, and the action is started once, by the evaluation that follows.
func TestEndOfContextChangesNothing(t *testing.T) {
	own := ownRules(t, `
groups:
  - name: own
    rules:
      - alert: Own
        expr: own_metric > 1
        for: 10s
        labels: {check_name: own, component: own, severity: critical}
        annotations: {summary: own is over 1}
      - alert: Act
        expr: ALERTS{alertname="Own", alertstate="firing", action=""}
        for: 5s
        labels: {action: shutdown, severity: info}
        annotations: {summary: act}
`)
	set := loadRules(t, rules.Options{Own: []string{own}})
	for asked, ended := 0, true; ended; asked++ {
		t.Run(fmt.Sprintf("after %d", asked), func(t *testing.T) {
			var actions atomic.Int64
			n := newNode(t, rules.Options{}, Options{OnAction: func(_ context.Context, a Action) {
				if a.Alert.Name == "Act" {
					actions.Add(1)
				}
			}})
			n.SetRules(set)
			n.set("own_metric", 0)
			for range 3 { // proven, and no longer starting
				n.pass(time.Second)
			}
			n.set("own_metric", 2)
			first := n.pass(time.Second).Time
			n.pass(10 * time.Second)
			before := n.Snapshot()

			ctx := newCountdown(asked)
			defer ctx.cancel()
			n.now = n.now.Add(5 * time.Second)
			err := n.Tick(ctx, n.now)
			if ended = errors.Is(err, context.Canceled); !ended {
				return
			}
			if n.Snapshot() != before {
				t.Error("an evaluation that did not end was published")
			}
			s := n.pass(time.Second)
			n.acting.Wait()
			n.want(s, Unhealthy, "own is over 1")
			if len(s.Alerts) < 2 || !s.Alerts[0].ActiveAt.Equal(first) {
				t.Errorf("alerts: %+v, want Own active since %s", s.Alerts, first)
			}
			if got := actions.Load(); got != 1 {
				t.Errorf("%d actions, want 1", got)
			}
		})
	}
}
