package evaluator

import (
	"context"
	"strings"
	"testing"
	"time"

	"chorus/rules"
)

// act is an action that fires a second after own_metric is over 1, and an alert that says that another is held back.
const act = `
  - {alert: Own, expr: own_metric > 1, labels: {check_name: db, severity: critical}, annotations: {summary: s}}
  - alert: Act
    expr: group by (check_name) (ALERTS{alertname="Own", alertstate="firing", action=""})
    for: 1s
    labels: {action: shutdown, severity: info}
    annotations: {summary: act}
  - alert: Kept
    expr: own_metric == 3
    labels: {holds: shutdown, check_name: db, severity: info}
    annotations: {summary: 'the others are ill too'}
`

// The events of an action say what was done, what was held back and why, and until when.
func TestActionEvents(t *testing.T) {
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, act),
		Options{OnAction: func(context.Context, Action) {}})
	n.probe("db", "false", 0)
	n.pass(0)
	n.set("own_metric", 2)
	began := n.pass(time.Second).Time
	n.pass(2 * time.Second)
	n.set("own_metric", 3)
	n.pass(time.Second)
	n.set("own_metric", 0)
	ended := n.pass(time.Second).Time
	n.acting.Wait()
	got := n.Actions()
	if len(got) != 2 {
		t.Fatalf("%d events, want 2: %+v", len(got), got)
	}
	kept, acted := got[0], got[1]
	if kept.Rule != "Kept" || kept.Action != "shutdown" || kept.Held != "the others are ill too" || !kept.EndedAt.Equal(ended) {
		t.Errorf("newest event is %+v, want Kept, held back by its summary, until %v", kept, ended)
	}
	if acted.Rule != "Act" || acted.Check != "db" || acted.Held != "" || !acted.ActiveAt.Equal(began) ||
		!acted.FiredAt.Equal(began.Add(2*time.Second)) || !acted.EndedAt.Equal(ended) {
		t.Errorf("first event is %+v, want Act, done, active since %v, fired 2s later, until %v", acted, began, ended)
	}
}

// While the phase is starting nothing is done; what still fires then is done when its `for` has passed once more.
func TestActionWaitsForTheFirstCompleteEvaluation(t *testing.T) {
	acted := 0
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db", "slow"}}, act),
		Options{OnAction: func(context.Context, Action) { acted++ }})
	n.probe("db", "false", 0)
	n.set(`chorus_health_check_info{check_name="slow",component="database",critical="false",kind="probe"}`, 1)
	n.set("own_metric", 2)
	for range 5 {
		n.pass(time.Second)
	}
	n.acting.Wait()
	if got := n.Actions(); acted > 0 || len(got) != 1 || !strings.Contains(got[0].Held, "first complete evaluation") {
		t.Fatalf("while starting: %d actions, events %+v, want none and one held back", acted, got)
	}
	n.probe("slow", "false", 0)
	n.pass(time.Second)
	n.acting.Wait()
	if acted != 0 {
		t.Error("done in the evaluation that ends the start")
	}
	n.pass(time.Second) // its `for` starts again
	n.pass(time.Second)
	n.acting.Wait()
	if got := n.Actions(); acted != 1 || got[0].Held != "" {
		t.Errorf("after the start: %d actions, events %+v, want one that is done", acted, got)
	}
}

// An evaluation in which a rule fails does nothing: what the rule would have said may be what holds the action back.
func TestActionIsHeldBackWhileARuleFails(t *testing.T) {
	acted := 0
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, act+`
  - {record: "own:many", expr: own_metric / on () own_others}
`), Options{OnAction: func(context.Context, Action) { acted++ }})
	n.probe("db", "false", 0)
	n.set("own_others", 1)
	n.pass(0)
	n.pass(time.Second)
	n.set(`own_others{a="b"}`, 1)
	n.set("own_metric", 2)
	for range 4 {
		n.pass(time.Second)
	}
	n.acting.Wait()
	if got := n.Actions(); acted > 0 || len(got) == 0 || !strings.Contains(got[0].Held, "fail to evaluate") {
		t.Fatalf("while a rule fails: %d actions, events %+v, want none and one held back", acted, got)
	}
	n.drop(`own_others{`)
	n.pass(time.Second) // its `for` starts again
	n.pass(time.Second)
	n.acting.Wait()
	if acted != 1 {
		t.Errorf("%d actions once all rules evaluate, want 1", acted)
	}
}

func TestActionEventsAreBounded(t *testing.T) {
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, act),
		Options{HistoryEntries: 3})
	n.probe("db", "false", 0)
	for i := range 20 {
		n.set("own_metric", float64(3*(i%2)))
		n.pass(time.Second)
	}
	if got := n.Actions(); len(got) != 3 {
		t.Errorf("%d events, want the newest 3", len(got))
	}
}

// Rearm tells of what still fires once more, and only once.
func TestRearm(t *testing.T) {
	acted := 0
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, act),
		Options{OnAction: func(context.Context, Action) { acted++ }})
	n.probe("db", "false", 0)
	n.set("own_metric", 2)
	pass := func() int {
		for range 4 {
			n.pass(time.Second)
			n.acting.Wait()
		}
		return acted
	}
	n.pass(0)
	if got := pass(); got != 1 {
		t.Fatalf("%d actions, want 1", got)
	}
	n.Rearm()
	if got := pass(); got != 2 {
		t.Errorf("%d actions after Rearm, want one more", got)
	}
	n.set("own_metric", 0)
	n.pass(time.Second)
	n.Rearm()
	if got := pass(); got != 2 {
		t.Errorf("%d actions, want none for what no longer fires", got)
	}
}
