package verdict

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fires is an alert about a check, so many minutes after began.
func fires(check, name, severity string, minute int, summary string) Alert {
	return Alert{
		Name: name, Check: check, Severity: severity, State: "firing", Summary: summary, Value: 1,
		ActiveAt: began.Add(time.Duration(minute) * time.Minute),
	}
}

func pends(a Alert) Alert { a.State = "pending"; return a }
func masks(a Alert) Alert { a.Masked = true; return a }

func against(a Alert, value float64, op string, limit float64, unit string) Alert {
	a.Value, a.Op, a.Limit, a.Unit = value, op, &limit, unit
	return a
}

// verdictOn is a snapshot of checks with their alerts.
func verdictOn(status Status, checks ...Check) Snapshot {
	s := Snapshot{Status: status, Score: 1, Checks: checks}
	for _, c := range checks {
		s.Alerts = append(s.Alerts, c.Alerts...)
	}
	return s
}

func checkIn(name string, state State, alerts ...Alert) Check {
	return Check{Name: name, State: state, Healthy: state == StateOK || state == StatePending, Alerts: alerts}
}

// failedRun is a check whose last run failed.
func failedRun(c Check, failures int, err string) Check {
	c.Kind, c.ConsecutiveFailures, c.Error = "probe", failures, err
	return c
}

func critical(c Check) Check { c.Critical = true; return c }

func TestMessage(t *testing.T) {
	failing := func(check, severity string) Alert {
		return fires(check, "CheckFailing", severity, 0, check+" failed 3 times in a row")
	}
	undeclared := verdictOn(Degraded)
	undeclared.Alerts = []Alert{fires("series-store", "SeriesRefused", "warning", 0, "the store is full")}
	noCheck := verdictOn(Healthy)
	noCheck.Alerts = []Alert{fires("", "Custom", "critical", 0, "something")}
	broken := verdictOn(Degraded, Check{Name: "a", State: StateUnknown, Message: "rule R of group g failed to evaluate: many-to-many"})
	for _, tc := range []struct {
		name     string
		snapshot Snapshot
		acc      Account
		want     string
	}{
		{"all passing", verdictOn(Healthy, checkIn("a", StateOK)), Account{}, "All health checks passing"},
		{
			"the error of the last run",
			verdictOn(Unhealthy,
				failedRun(checkIn("orders", StateFiring, failing("orders", "critical")), 3, "connection refused"),
				failedRun(checkIn("dht-enhanced", StateFiring, failing("dht-enhanced", "warning")), 3, "no peers")),
			Account{},
			"orders: connection refused (3 failures in a row); also failing: dht-enhanced",
		},
		{
			"one failure",
			verdictOn(Unhealthy, failedRun(checkIn("orders", StateFiring, failing("orders", "critical")), 1, "refused.")),
			Account{},
			"orders: refused",
		},
		{
			"the error is not known",
			verdictOn(Unhealthy, checkIn("orders", StateFiring, failing("orders", "critical"))),
			Account{},
			"orders failed 3 times in a row",
		},
		{
			"an alert of another kind beside a failed run",
			verdictOn(Unhealthy, failedRun(checkIn("orders", StateFiring,
				against(fires("orders", "Lag", "critical", 0, "replication lags"), 500, ">", 30, "seconds")), 1, "refused")),
			Account{},
			"orders: refused (replication lags, 8m 20s, limit 30s)",
		},
		{
			"stale, and the last run failed",
			verdictOn(Unhealthy, failedRun(checkIn("orders", StateUnknown,
				fires("orders", "CheckStale", "critical", 0, "orders has had no result for 5m 0s")), 2, "refused")),
			Account{},
			"orders: refused (2 failures in a row; has had no result for 5m 0s)",
		},
		{
			"value and limit that the summary does not show",
			verdictOn(Degraded, checkIn("lag", StateFiring,
				against(fires("lag", "Lag", "warning", 0, "the queue is long"), 120, ">", 100, "messages"))),
			Account{},
			"lag: the queue is long (120 messages, limit 100 messages)",
		},
		{
			"the limit alone",
			verdictOn(Degraded, checkIn("disk-space", StateFiring,
				against(fires("disk-space", "DiskFull", "warning", 0, "/ is 97% full"), 0.97, ">", 0.9, "ratio"))),
			Account{},
			"disk-space: / is 97% full (limit 90%)",
		},
		{
			"a minimum",
			verdictOn(Unhealthy, checkIn("p2p", StateFiring,
				against(fires("p2p", "Peers", "critical", 0, "no peers connected"), 0, "<", 3, "peers"))),
			Account{},
			"p2p: no peers connected (minimum 3 peers)",
		},
		{
			"critical before warning, however new",
			verdictOn(Unhealthy,
				checkIn("a", StateFiring, fires("a", "A", "warning", 9, "a warns")),
				checkIn("b", StateFiring, fires("b", "B", "critical", 0, "b fails"))),
			Account{},
			"b fails; also failing: a",
		},
		{
			"critical firing before critical unknown",
			verdictOn(Unhealthy,
				checkIn("a", StateUnknown, fires("a", "CheckStale", "critical", 9, "a has had no result for 1h")),
				checkIn("b", StateFiring, fires("b", "B", "critical", 0, "down"))),
			Account{},
			"b: down; also failing: a",
		},
		{
			"critical unknown before warning firing",
			verdictOn(Unhealthy,
				checkIn("a", StateUnknown, fires("a", "CheckNoData", "critical", 0, "nothing measures a")),
				checkIn("b", StateFiring, fires("b", "B", "warning", 9, "slow"))),
			Account{},
			"a: nothing measures a; also failing: b",
		},
		{
			"warning firing before warning unknown",
			verdictOn(Degraded,
				checkIn("a", StateUnknown, fires("a", "CheckNoData", "warning", 9, "nothing measures a")),
				checkIn("b", StateFiring, fires("b", "B", "warning", 0, "slow"))),
			Account{},
			"b: slow; also failing: a",
		},
		{
			"unknown before pending",
			verdictOn(Degraded,
				checkIn("a", StatePending, pends(fires("a", "A", "critical", 9, "a is slow"))),
				checkIn("b", StateUnknown, fires("b", "CheckStale", "warning", 0, "no result"))),
			Account{},
			"b: no result",
		},
		{
			"unknown while its alert is pending",
			verdictOn(Degraded, checkIn("a", StateUnknown, pends(fires("a", "CheckNoData", "critical", 0, "nothing measures a")))),
			Account{},
			"a: nothing measures a",
		},
		{
			"unproven by its state alone, a critical check first",
			verdictOn(Degraded,
				Check{Name: "a", State: StateUnknown, Message: "has not passed since it was declared"},
				critical(Check{Name: "b", State: StateUnknown, Message: "has not passed since it was declared"})),
			Account{},
			"b: has not passed since it was declared; also failing: a",
		},
		{
			"unproven, with the error of a run",
			verdictOn(Degraded, critical(failedRun(checkIn("a", StateUnknown,
				fires("a", "CheckUnproven", "warning", 0, "a has not passed since it was declared")), 1, "connection refused"))),
			Account{},
			"a: connection refused",
		},
		{
			"two of one grade: the newest",
			verdictOn(Unhealthy,
				checkIn("a", StateFiring, fires("a", "A", "critical", 1, "old")),
				checkIn("b", StateFiring, fires("b", "B", "critical", 2, "new"))),
			Account{},
			"b: new; also failing: a",
		},
		{
			"two of one grade and time: by name",
			verdictOn(Unhealthy,
				checkIn("b", StateFiring, fires("b", "A", "critical", 1, "later in the alphabet")),
				checkIn("a", StateFiring, fires("a", "B", "critical", 1, "first in the alphabet"))),
			Account{},
			"a: first in the alphabet; also failing: b",
		},
		{
			"two alerts of one check: the newest of the worst",
			verdictOn(Unhealthy, checkIn("a", StateFiring,
				fires("a", "A", "critical", 1, "old"), fires("a", "B", "critical", 2, "new"), fires("a", "C", "warning", 3, "newest"))),
			Account{},
			"a: new",
		},
		{
			"masked alerts never",
			verdictOn(Unhealthy,
				checkIn("a", StateFiring, fires("a", "A", "critical", 0, "down")),
				checkIn("b", StateOK, masks(fires("b", "B", "critical", 9, "also down")))),
			Account{},
			"a: down",
		},
		{
			"a masked alert beside one that counts",
			verdictOn(Degraded, checkIn("b", StateFiring,
				masks(fires("b", "B", "critical", 9, "masked")), fires("b", "C", "warning", 0, "slow"))),
			Account{},
			"b: slow",
		},
		{
			"maintenance never",
			verdictOn(Healthy, Check{Name: "b", State: stateMaintenance, Healthy: true, Alerts: []Alert{fires("b", "B", "critical", 0, "down")}}),
			Account{},
			"All health checks passing",
		},
		{"information never", verdictOn(Healthy, checkIn("a", StateOK, fires("a", "A", "info", 0, "fyi"))), Account{}, "All health checks passing"},
		{"an alert for a check that nobody declares", undeclared, Account{}, "series-store: the store is full"},
		{"an alert without a check", noCheck, Account{}, "All health checks passing"},
		{"an alert without a summary", verdictOn(Unhealthy, checkIn("a", StateFiring, fires("a", "OrdersDown", "critical", 0, ""))), Account{}, "a: OrdersDown is firing"},
		{
			"more than four",
			verdictOn(Unhealthy, func() (cs []Check) {
				for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
					cs = append(cs, checkIn(n, StateFiring, fires(n, "X", "critical", 0, "down")))
				}
				return cs
			}()...),
			Account{},
			"a: down; also failing: b, c, d and 2 more",
		},
		{
			"pending by an alert",
			verdictOn(Healthy, checkIn("c", StatePending, pends(against(fires("c", "C", "warning", 0, "c is slow"), 2.5, ">", 2, "seconds")))),
			Account{},
			"c is slow (2.5s, limit 2s; pending)",
		},
		{
			"pending by a run",
			verdictOn(Healthy, failedRun(checkIn("c", StatePending), 2, "timeout"), failedRun(checkIn("d", StatePending), 1, "refused")),
			Account{},
			"c: timeout (2 failures in a row; pending); also pending: d",
		},
		{
			"pending by a run whose error is not known",
			verdictOn(Healthy, Check{Name: "c", State: StatePending, Healthy: true, ConsecutiveFailures: 1}),
			Account{},
			"c: last run failed (pending)",
		},
		{
			"healthy, say the rules, but a check is not",
			verdictOn(Healthy, Check{Name: "b", State: StateFiring, Message: "odd"}),
			Account{},
			"b: odd",
		},
		{
			"a rule that speaks for no check",
			Snapshot{Status: Degraded, Failing: []string{"own"}},
			Account{Failed: []FailedRule{{"own:ratio", "own", "own", "many-to-many\nmatching"}, {"own:x", "own", "own", "e"}}},
			"rule own:ratio of group own failed to evaluate: many-to-many matching; also failing: rule own:x",
		},
		{
			"a rule beside a check",
			verdictOn(Unhealthy, checkIn("a", StateFiring, fires("a", "A", "critical", 0, "down"))),
			Account{Failed: []FailedRule{{"R", "g", "g", "bad"}}},
			"a: down; also failing: rule R",
		},
		{
			"a rule of a check",
			broken,
			Account{Failed: []FailedRule{{"R", "g", "a", "many-to-many"}}},
			"a: rule R of group g failed to evaluate: many-to-many",
		},
		{
			"a rule of a check whose run failed too",
			verdictOn(Degraded, failedRun(checkIn("a", StateUnknown), 1, "refused")),
			Account{Failed: []FailedRule{{"R", "g", "a", "many-to-many"}}},
			"a: refused; also failing: rule R",
		},
		{"only the score", func() Snapshot {
			s := verdictOn(Degraded)
			s.Score, s.Components = 0.93, []Component{{"database", 1}, {"resources", 0.8}}
			return s
		}(), Account{}, "Score 0.93 is under 0.95: resources 0.80"},
		{"the score, and a pending check", func() Snapshot {
			s := verdictOn(Degraded, checkIn("c", StatePending))
			s.Score = 0.93
			return s
		}(), Account{}, "Score 0.93 is under 0.95; also pending: c"},
		{"unhealthy by the score, with a warning", func() Snapshot {
			s := verdictOn(Unhealthy, checkIn("a", StateFiring, fires("a", "A", "warning", 0, "slow")))
			s.Score = 0.5
			return s
		}(), Account{}, "a: slow; score 0.50 is under 0.755"},
		{"a score just under", Snapshot{Status: Degraded, Score: 0.9499}, Account{}, "Score 0.94 is under 0.95"},
		{"a threshold of three digits", Snapshot{Status: Unhealthy, Score: 0.7549}, Account{}, "Score 0.75 is under 0.755"},
		{"no score", Snapshot{Status: Degraded, Score: math.NaN()}, Account{}, "Status is degraded: the score rules recorded no score"},
		{"not the score", Snapshot{Status: Degraded, Score: 1}, Account{}, "Status is degraded: the status rules say so"},
		{"stopping", Snapshot{Status: Stopping}, Account{}, "Stopping"},
		{"starting", Snapshot{Status: Starting}, Account{}, "starting: waiting for the next evaluation"},
		{
			"starting, with a reason",
			Snapshot{Status: Starting},
			Account{Waiting: map[string]string{"resource-health": "memory cannot be read"}},
			"starting: waiting for resource-health: memory cannot be read",
		},
		{
			"starting, one with a reason comes first",
			Snapshot{Status: Starting},
			Account{Waiting: map[string]string{"a": "", "b": "", "orders": "orders is not reachable.", "z": ""}},
			"starting: waiting for orders: is not reachable; also waiting for: a, b, z",
		},
		{
			"starting, without reasons",
			Snapshot{Status: Starting},
			Account{Waiting: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": ""}},
			"starting: waiting for a, b, c and 2 more",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.acc.Sound = true
			limits := map[string]float64{"healthy": 0.95, "degraded": 0.755}
			if got := Message(&tc.snapshot, &Recorded{Thresholds: limits}, tc.acc); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestMessageUnsound(t *testing.T) {
	v := &Recorded{Status: map[string]float64{"healthy": 1, "degraded": 1, "unhealthy": 0}}
	want := "The status rules failed: exactly one status must hold, recorded degraded 1, healthy 1"
	if got := Message(&Snapshot{Status: Unhealthy}, v, Account{}); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestMessageIsOneBoundedLine holds that whatever an error, a summary or a name holds, the message stays one short line.
func TestMessageIsOneBoundedLine(t *testing.T) {
	for name, text := range map[string]string{
		"long":         strings.Repeat("connection refused by the server ", 500),
		"letters":      strings.Repeat("é", 5000),
		"line breaks":  "first\r\n\tsecond\n\n",
		"control":      "a\x00b\x1b[31mred\x7f\u202e",
		"not UTF-8":    "\xff\xfe" + strings.Repeat("\xf0", 1000),
		"quotes":       `pq: password authentication failed for user "app" 'x' {"a":1}`,
		"secret-like":  "dial postgres://app:<redacted>@db/orders: refused",
		"only periods": "....",
		"empty":        "",
		"percent":      "100%d full %!s(MISSING)",
	} {
		t.Run(name, func(t *testing.T) {
			var checks []Check
			for i := range 200 {
				n := fmt.Sprintf("%s-%d", text, i)
				checks = append(checks, failedRun(checkIn(n, StateFiring, fires(n, "CheckFailing", "critical", 0, text)), 3, text))
			}
			s := verdictOn(Unhealthy, checks...)
			got := Message(&s, &Recorded{}, Account{Sound: true})
			if n := utf8.RuneCountInString(got); n > 900 || strings.ContainsAny(got, "\n\r\x00\x1b\x7f\u202e") || !utf8.ValidString(got) {
				t.Errorf("%d characters: %q", n, got)
			}
			if !strings.HasSuffix(got, " and 196 more") {
				t.Errorf("got %q, want the number of the others at its end", got)
			}
		})
	}
}
