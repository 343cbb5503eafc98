package evaluator

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/rules"
)

// actor is a node on which Act fires for the check db when own_metric has been over 1 for a second; acted counts.
func actor(t *testing.T, more string) (n *node, acted func() int) {
	t.Helper()
	var count atomic.Int64 // two actions may begin together
	n = newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, act+more),
		Options{OnAction: func(context.Context, Action) { count.Add(1) }})
	n.probe("db", "false", 0)
	n.pass(0)
	n.pass(time.Second)
	return n, func() int {
		n.acting.Wait()
		return int(count.Load())
	}
}

// begins wants that what was held back is pending now, and done a second later, not before.
func begins(t *testing.T, n *node, acted func() int) {
	t.Helper()
	before := acted()
	n.pass(500 * time.Millisecond)
	if n.pass(500 * time.Millisecond); acted() != before {
		t.Error("done at once: its `for` did not start again")
	}
	if n.pass(time.Second); acted() != before+1 {
		t.Errorf("%d actions when its `for` is over, want one more than %d: %+v", acted(), before, n.Actions())
	}
}

// broken is a collector that fails while it is switched on.
type broken struct{ on bool }

func (b *broken) Describe(chan<- *prometheus.Desc) {}

func (b *broken) Collect(ch chan<- prometheus.Metric) {
	if b.on {
		ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(errors.New("down")), errors.New("down"))
	}
}

// What could not be measured may be what holds an action back.
func TestActionIsHeldBackWhileGatheringFails(t *testing.T) {
	n, acted := actor(t, "")
	b := &broken{on: true}
	n.reg.MustRegister(b)
	n.set("own_metric", 2)
	for range 4 {
		n.now = n.now.Add(time.Second)
		if err := n.Tick(t.Context(), n.now); err == nil {
			t.Fatal("gathering did not fail")
		}
	}
	if got := n.Actions(); acted() > 0 || len(got) != 1 || !strings.Contains(got[0].Held, "could be read") || !n.Snapshot().Partial {
		t.Fatalf("while gathering fails: %d actions, partial %v, events %+v", acted(), n.Snapshot().Partial, got)
	}
	b.on = false
	begins(t, n, acted)
	if n.Snapshot().Partial {
		t.Error("still partial")
	}
}

// Who looked at a stalled evaluator was told that nothing is known, so what it finds next is not a reason yet.
func TestActionIsHeldBackAfterAStall(t *testing.T) {
	n, acted := actor(t, "")
	n.set("own_metric", 2)
	n.pass(time.Second)
	old := *n.Snapshot()
	old.Finished = old.Finished.Add(-2 * DefaultStallTimeout)
	n.snapshot.Store(&old)
	n.pass(time.Second)
	if got := n.Actions(); acted() > 0 || len(got) != 1 || !strings.Contains(got[0].Held, "no evaluation had finished") {
		t.Fatalf("after a stall: %d actions, events %+v", acted(), got)
	}
	begins(t, n, acted)
}

// An alert that keep_firing_for alone keeps firing asks for nothing.
func TestActionIsNotDoneOnceItsConditionEnded(t *testing.T) {
	n, acted := actor(t, `
  - alert: Late
    expr: group by (check_name) (ALERTS{alertname="Own", alertstate="firing", action=""})
    for: 1s
    keep_firing_for: 10s
    labels: {action: shutdown, severity: info, late: "yes"}
    annotations: {summary: late}
  - {record: "own:many", expr: own_metric / on () own_others}
`)
	n.set("own_others", 1)
	n.set(`own_others{a="b"}`, 1)
	n.set("own_metric", 2)
	for range 3 {
		n.pass(time.Second)
	}
	n.set("own_metric", 0)
	n.pass(time.Second)
	n.drop(`own_others{`)
	for range 4 {
		n.pass(time.Second)
	}
	if got := acted(); got != 0 {
		t.Errorf("%d actions although their condition had ended before anything could be done: %+v", got, n.Actions())
	}
	n.set("own_metric", 2)
	n.pass(time.Second)
	if acted() != 0 {
		t.Error("done at once when the condition came back")
	}
	n.pass(time.Second)
	if n.pass(time.Second); acted() != 2 {
		t.Errorf("%d actions once the condition lasted, want that of Act and that of Late", acted())
	}
}

// What has been done stays so in the report, whatever would hold it back later, and is not done again.
func TestActionThatWasDoneIsNotHeldBack(t *testing.T) {
	n, acted := actor(t, `
  - {record: "own:many", expr: own_metric / on () own_others}
`)
	n.set("own_others", 1)
	n.set("own_metric", 2)
	for range 3 {
		n.pass(time.Second)
	}
	n.set(`own_others{a="b"}`, 1)
	n.pass(time.Second)
	if got := n.Actions(); acted() != 1 || len(got) != 1 || got[0].Held != "" {
		t.Errorf("%d actions, events %+v, want one that was done", acted(), got)
	}
	n.drop(`own_others{`)
	for range 3 {
		n.pass(time.Second)
	}
	if acted() != 1 {
		t.Errorf("%d actions, want no second one", acted())
	}
}

// A check that is not there is not known either.
func TestActionForACheckThatIsGone(t *testing.T) {
	n, acted := actor(t, `
  - alert: Ghost
    expr: group by (check_name) (label_replace(ALERTS{alertname="Own", alertstate="firing", action=""}, "check_name", "ghost", "", ""))
    for: 1s
    labels: {action: shutdown, severity: info}
    annotations: {summary: ghost}
`)
	n.set("own_metric", 2)
	for range 4 {
		n.pass(time.Second)
	}
	if acted() != 1 {
		t.Errorf("%d actions, want that of Act alone", acted())
	}
	for _, ev := range n.Actions() {
		if ev.Rule == "Ghost" && ev.Held == "" {
			t.Errorf("%+v is not held back", ev)
		}
	}
}

// Whoever would obey from now on lets the `for` start again, of what fires and of what is pending.
func TestRearmBeginsAnew(t *testing.T) {
	n, acted := actor(t, "")
	n.set("own_metric", 2)
	n.pass(time.Second)
	n.Rearm()
	begins(t, n, acted)
	n.Rearm()
	begins(t, n, acted)
}
