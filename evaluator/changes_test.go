package evaluator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"

	"chorus/rules"
)

// keptLog is a logger that keeps the lines about alerts and the status.
type keptLog struct{ kept []string }

func (l *keptLog) Log(pairs ...any) error {
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, fmt.Sprintf("%v=%v", pairs[i], pairs[i+1]))
	}
	if line := strings.Join(parts, " "); strings.Contains(line, "lert") || strings.Contains(line, "msg=Status") {
		l.kept = append(l.kept, line)
	}
	return nil
}

// take are the lines since the last call.
func (l *keptLog) take() []string {
	out := l.kept
	l.kept = nil
	return out
}

// loggedNode is a node with one own alert, past its start.
func loggedNode(t *testing.T, rule string) (*node, *keptLog) {
	t.Helper()
	kept := &keptLog{}
	n := newNode(t, own(t, rules.Options{}, rule), Options{Logger: log.LoggerFunc(kept.Log)})
	n.set("own_metric", 0)
	n.set("many", 0)
	n.pass(0)
	n.pass(time.Second)
	kept.take()
	return n, kept
}

func want(t *testing.T, got []string, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(lines, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

const ownAlert = `
  - alert: Own
    expr: own_metric > 1
    labels: {check_name: own, component: own, severity: critical}
    annotations: {summary: own is over 1}
`

func TestLogAlerts(t *testing.T) {
	n, kept := loggedNode(t, ownAlert)
	n.set("own_metric", 2)
	n.pass(time.Second)
	want(
		t, kept.take(),
		"level=error msg=Alert firing rule=Own check=own component=own severity=critical value=2 limit=1 cause=own is over 1",
		"level=error msg=Status changed from healthy to unhealthy cause=own is over 1 (2)",
	)
	n.set("own_metric", 3)
	n.pass(time.Second)
	want(t, kept.take())
	n.set("own_metric", 1)
	n.pass(time.Second)
	want(
		t, kept.take(),
		"level=info msg=Alert ended rule=Own check=own component=own severity=critical value=3 limit=1 cause=own is over 1",
		"level=info msg=Status changed from unhealthy to healthy cause=All health checks passing",
	)
}

func TestLogLevels(t *testing.T) {
	for _, c := range []struct{ name, labels, want string }{
		{"warning", `{check_name: own, severity: warning}`, "warn"},
		{"critical", `{check_name: own, severity: critical}`, "error"},
		{"info", `{check_name: own, severity: info}`, "info"},
		{"without a check", `{severity: critical}`, "info"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, kept := loggedNode(t, "\n  - {alert: Own, expr: own_metric > 1, labels: "+c.labels+"}\n")
			n.set("own_metric", 2)
			n.pass(time.Second)
			got := kept.take()
			if len(got) == 0 || !strings.HasPrefix(got[0], "level="+c.want+" msg=Alert firing rule=Own ") {
				t.Errorf("got %q, want an alert at %s", got, c.want)
			}
		})
	}
}

// TestLogWhileStarting holds that a node that is still starting cries for nothing.
func TestLogWhileStarting(t *testing.T) {
	kept := &keptLog{}
	n := newNode(t, own(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, ownAlert),
		Options{Logger: log.LoggerFunc(kept.Log)})
	n.probe("db", "true", 0)
	n.drop("chorus_health_check_last_run")
	n.set("own_metric", 2)
	n.pass(0)
	got := kept.take()
	if len(got) == 0 || slices.ContainsFunc(got, func(l string) bool { return !strings.HasPrefix(l, "level=info ") }) {
		t.Errorf("got %q, want everything at info", got)
	}
}

// TestLogReload holds what a reload says of alerts: nothing for a rule that is gone, nothing again for one that stays.
func TestLogReload(t *testing.T) {
	n, kept := loggedNode(t, ownAlert)
	n.set("own_metric", 2)
	n.pass(time.Second)
	kept.take()
	n.SetRules(n.Rules()) // the same rules, such as after a change of something else
	n.pass(time.Second)
	want(t, kept.take())
	n.SetRules(loadRules(t, rules.Options{}))
	n.pass(time.Second)
	for _, l := range kept.take() {
		if strings.Contains(l, "msg=Alert ended") {
			t.Errorf("a rule that is gone: %s", l)
		}
	}
}

// TestLogFailingRule holds that an alert of a rule that fails to evaluate did not end.
func TestLogFailingRule(t *testing.T) {
	n, kept := loggedNode(t, `
  - alert: Own
    expr: own_metric * on () own_factor > 1
    labels: {check_name: own, component: own, severity: critical}
    annotations: {summary: own is over 1}
`)
	alertLines := func() (out []string) {
		for _, l := range kept.take() {
			if strings.Contains(l, "msg=Alert ") {
				out = append(out, l)
			}
		}
		return out
	}
	n.set("own_metric", 0) // proven
	n.set("own_factor", 1)
	n.pass(time.Second)
	kept.take()
	n.set("own_metric", 2)
	n.pass(time.Second)
	if got := alertLines(); len(got) != 1 {
		t.Fatalf("got %q, want one line", got)
	}
	n.drop("own_factor")
	n.set(`own_factor{a="1"}`, 1)
	n.set(`own_factor{a="2"}`, 1)
	if s := n.pass(time.Second); len(s.Failing) == 0 {
		t.Fatal("the rule evaluates")
	}
	want(t, alertLines())
	n.drop("own_factor")
	n.set("own_factor", 1)
	n.pass(time.Second)
	want(t, alertLines())
	n.set("own_metric", 0)
	n.pass(time.Second)
	if got := alertLines(); len(got) != 1 || !strings.Contains(got[0], "msg=Alert ended") {
		t.Errorf("got %q, want its end", got)
	}
}

// TestLogFlood holds that a thousand alerts are a few lines, the worst among them.
func TestLogFlood(t *testing.T) {
	n, kept := loggedNode(t, `
  - {alert: Many, expr: many > 1, labels: {check_name: own, severity: warning}}
  - {alert: One, expr: own_metric > 1, labels: {check_name: own, severity: critical}}
`)
	n.set("own_metric", 2)
	for i := range 1000 {
		n.set(fmt.Sprintf(`many{i="%d"}`, i), 2)
	}
	n.pass(time.Second)
	got := kept.take()
	if len(got) != 1+maxRuleLines+2 || !strings.Contains(got[0], "rule=One") {
		t.Errorf("%d lines: %q", len(got), got)
	}
	if l := got[len(got)-2]; l != "level=info msg=More alerts changed: 995 more firing, 0 more ended" {
		t.Errorf("got %s", l)
	}
	n.drop("many")
	n.set("own_metric", 0)
	n.pass(time.Second)
	if got := kept.take(); len(got) != 1+maxRuleLines+2 {
		t.Errorf("%d lines: %q", len(got), got)
	}
	for ident, kept := range n.changes.firing {
		if len(kept) > 0 {
			t.Errorf("%d ended alerts of %q are kept", len(kept), ident)
		}
	}
}

func TestLogStatus(t *testing.T) {
	for _, c := range []struct {
		from, to Status
		want     string
	}{
		{Starting, Healthy, "info"},
		{Starting, Degraded, "warn"},
		{Starting, Unhealthy, "error"},
		{Healthy, Degraded, "warn"},
		{Healthy, Unhealthy, "error"},
		{Degraded, Unhealthy, "error"},
		{Degraded, Healthy, "info"},
		{Unhealthy, Healthy, "info"},
		{Unhealthy, Degraded, "info"},
		{Unhealthy, Stopping, "info"},
		{Healthy, Stopping, "info"},
	} {
		kept := &keptLog{}
		logStatus(log.LoggerFunc(kept.Log), c.from, &Snapshot{Status: c.to, Message: "why"})
		want(t, kept.take(), fmt.Sprintf("level=%s msg=Status changed from %s to %s cause=why", c.want, c.from, c.to))
	}
}

// TestLogCause holds that the error of a probe's run stands in message, check and log.
func TestLogCause(t *testing.T) {
	kept := &keptLog{}
	failing := true
	n := newNode(t, rules.Options{Components: []string{"database"}, Probes: []string{"db"}}, Options{
		Logger: log.LoggerFunc(kept.Log),
		Cause: func(check string, notAfter time.Time) (string, bool) {
			if notAfter.IsZero() || check != "db" {
				t.Errorf("asked for %s at %v", check, notAfter)
			}
			return "connection\nrefused", failing
		},
	})
	n.probe("db", "true", 0)
	n.pass(0)
	n.pass(time.Second)
	kept.take()
	n.probe("db", "true", 1)
	s := n.pass(time.Second)
	n.want(s, Healthy, "db: connection refused (pending)")
	if c := check(t, s, "db"); c.Message != "connection refused" || c.Error != "connection refused" {
		t.Errorf("check %+v", c)
	}
	n.probe("db", "true", 3)
	n.want(n.pass(time.Second), Unhealthy, "db: connection refused (3 failures in a row)")
	want(
		t, kept.take(),
		"level=error msg=Alert firing rule=CheckFailing check=db component=database severity=critical value=3 limit=3 cause=connection refused",
		"level=error msg=Status changed from healthy to unhealthy cause=db: connection refused (3 failures in a row)",
	)
	n.probe("db", "true", 0)
	failing = false
	s = n.pass(time.Second)
	n.want(s, Healthy, "All health checks passing")
	if c := check(t, s, "db"); c.Error != "" {
		t.Errorf("check %+v", c)
	}
	if got := kept.take(); len(got) != 2 || !strings.HasSuffix(got[0], "value=3 limit=3 cause=connection refused") {
		t.Errorf("got %q", got)
	}
}
