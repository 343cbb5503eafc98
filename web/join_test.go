package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chorus/evaluator"
	"chorus/probes"
)

// shown is what of a check decides how people read it.
type shown struct {
	Healthy bool
	State   evaluator.State
	Message string
	Error   string
	Fails   int `json:"consecutive_failures"`
}

// checkNow is the entry of /health/checks for a name, nil if there is none.
func checkNow(t *testing.T, h *Handler, name string) *shown {
	t.Helper()
	var got struct{ Checks map[string]*shown }
	if err := json.Unmarshal([]byte(body(t, ask(h, "GET", "/health/checks"))), &got); err != nil {
		t.Fatal(err)
	}
	return got.Checks[name]
}

// TestJoinProbe joins verdicts on a probe with its runs.
func TestJoinProbe(t *testing.T) {
	passed := probes.Outcome{Result: probes.Result{Message: "query answered"}}
	failed := probes.Outcome{Err: errors.New("refused"), Reason: "refused", ConsecutiveFailures: 1}
	talking := failed
	talking.Result.Message = "server said no"
	ok := evaluator.Check{State: evaluator.StateOK, Healthy: true}
	firing := evaluator.Check{State: evaluator.StateFiring, Message: "db failed 3 times in a row", ConsecutiveFailures: 3}
	firing.Alerts = []evaluator.Alert{{Name: "CheckFailing", Severity: "critical", State: "firing", Summary: firing.Message}}
	other := evaluator.Check{State: evaluator.StateFiring, Message: "replication lags", Alerts: []evaluator.Alert{
		{Name: "Lag", Severity: "critical", State: "firing", Summary: "replication lags"},
	}}
	unproven := evaluator.Check{State: evaluator.StateUnknown, Message: "has not passed since it was declared"}
	stale := evaluator.Check{State: evaluator.StateUnknown, Message: "db has had no result for 5m 0s", Alerts: []evaluator.Alert{
		{Name: "CheckStale", Severity: "critical", State: "firing"},
	}}
	unknown := evaluator.Check{State: evaluator.StateUnknown, Message: "nothing measures db"}
	pending := evaluator.Check{State: evaluator.StatePending, Healthy: true, Message: "db is slow"}
	tests := []struct {
		name  string
		check evaluator.Check
		run   *probes.Outcome
		want  shown
	}{
		{
			"no run yet",
			evaluator.Check{State: evaluator.StatePending, Healthy: true},
			nil,
			shown{true, evaluator.StatePending, "No result yet", "", 0},
		},
		{
			"no run yet, and an alert that may come to say so",
			evaluator.Check{State: evaluator.StatePending, Healthy: true, Message: "nothing measures db"},
			nil,
			shown{true, evaluator.StatePending, "No result yet", "", 0},
		},
		{"passes", ok, &passed, shown{true, evaluator.StateOK, "query answered", "", 0}},
		{"passes without a word", ok, &probes.Outcome{}, shown{true, evaluator.StateOK, "Passing", "", 0}},
		{"failed below the threshold", ok, &failed, shown{true, evaluator.StatePending, "refused", "refused", 1}},
		{
			"failed below the threshold, with a message", ok, &talking,
			shown{true, evaluator.StatePending, "server said no", "refused", 1},
		},
		{
			"alert fires because runs fail, the run's message stands", firing, &talking,
			shown{false, evaluator.StateFiring, "server said no", "refused", 1},
		},
		{
			"alert fires because runs fail, the run's error stands", firing, &failed,
			shown{false, evaluator.StateFiring, "refused", "refused", 1},
		},
		{
			"alert of another kind fires, its summary stands", other, &failed,
			shown{false, evaluator.StateFiring, "replication lags", "refused", 1},
		},
		{
			"unproven, and the run failed", unproven, &failed,
			shown{false, evaluator.StateUnknown, "refused", "refused", 1},
		},
		{
			"stale since a failed run", stale, &failed,
			shown{false, evaluator.StateUnknown, "db has had no result for 5m 0s", "refused", 1},
		},
		{
			"alert still fires though the run passed", firing, &passed,
			shown{false, evaluator.StateFiring, "db failed 3 times in a row", "", 0},
		},
		{"unknown stays unknown", unknown, &passed, shown{false, evaluator.StateUnknown, "nothing measures db", "", 0}},
		{
			"alert is pending, the run's message stands", pending, &passed,
			shown{true, evaluator.StatePending, "query answered", "", 0},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(evaluator.Healthy)
				s := *w.Snapshot()
				tt.check.Name, tt.check.Kind = "db", "probe"
				s.Checks = []evaluator.Check{tt.check}
				w.snapshot.Store(&s)
				if tt.run != nil {
					w.runs["db"] = []probes.Outcome{*tt.run}
				}
				if diff := cmp.Diff(&tt.want, checkNow(t, w.handler(t), "db")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestJoinJudged holds that a run which the evaluation could not know of is not shown beside its verdict.
func TestJoinJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(evaluator.Healthy)
		now := time.Now()
		w.runs["database-connectivity"] = []probes.Outcome{
			{Finished: now.Add(-time.Millisecond), Err: errors.New("cut off"), ConsecutiveFailures: 1},
			{Finished: now.Add(-time.Second), Result: probes.Result{Message: "query answered"}},
		}
		s := *w.Snapshot()
		s.Sampled = now.Add(-2 * time.Millisecond)
		w.snapshot.Store(&s)
		h := w.handler(t)
		if got := checkNow(t, h, "database-connectivity"); got.Error != "" || got.Message != "query answered" {
			t.Errorf("got %+v, want the run before", got)
		}
		s.Sampled = now
		h.Publish(&s)
		if got := checkNow(t, h, "database-connectivity"); got.Error != "" || got.State != evaluator.StateOK {
			t.Errorf("got %+v, want the run before: the newer one ended after its metrics were read", got)
		}
		s.Checks = slices.Clone(s.Checks)
		s.Checks[0].ConsecutiveFailures = 1
		h.Publish(&s)
		if got := checkNow(t, h, "database-connectivity"); got.Error != "cut off" {
			t.Errorf("got %+v, want the newer run", got)
		}
	})
}

// TestJoinMembers holds which checks are listed when runner and snapshot differ.
func TestJoinMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(evaluator.Healthy)
		w.specs = []probes.Spec{
			{Name: "registered-later", Component: "other"},
			{Name: "pubsub-enhanced", Disabled: true}, // the snapshot still judges it
			{Name: "off", Disabled: true},
		}
		h := w.handler(t)
		if got := checkNow(t, h, "registered-later"); got != nil {
			t.Errorf("a probe the snapshot does not know is shown: %+v", got)
		}
		if got := checkNow(t, h, "pubsub-enhanced"); got == nil || got.State != evaluator.StatePending {
			t.Errorf("a probe switched off after the snapshot: got %+v, want what the snapshot says", got)
		}
		if got := checkNow(t, h, "database-connectivity"); got == nil || got.Message != "query answered" {
			t.Errorf("a probe that was unregistered after the snapshot: got %+v", got)
		}
		if got := checkNow(t, h, "off"); got == nil || !got.Healthy || got.State != evaluator.StateDisabled {
			t.Errorf("a disabled probe: got %+v", got)
		}
	})
}

// TestDisabledSince holds that a disabled check says since when, and starts again after it has been enabled.
func TestDisabledSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(evaluator.Healthy)
		h := w.handler(t)
		since := func() time.Time {
			h.Publish(snapshotOf(evaluator.Healthy, time.Now().UTC()))
			for _, e := range h.view.Load().entries {
				if e.name == "dht-active" {
					return time.Time(e.Since)
				}
			}
			return time.Time{}
		}
		first := since()
		time.Sleep(5 * time.Second)
		if got := since(); !got.Equal(first) {
			t.Errorf("still disabled: since %v, want %v", got, first)
		}
		w.specs[2].Disabled = false
		since()
		w.specs[2].Disabled = true
		if got := since(); !got.Equal(first.Add(5 * time.Second)) {
			t.Errorf("disabled again: since %v, want %v", got, first.Add(5*time.Second))
		}
	})
}

// TestDetails holds what of a probe's details is shown.
func TestDetails(t *testing.T) {
	var nothing *int
	tests := []struct {
		name string
		v    any
		want string // "" when it is left out
	}{
		{"string with markup", "<a> & \"b\"", `"<a> & \"b\""`},
		{"bytes that are no UTF-8", "\xff", `"\ufffd"`},
		{"whole number", 7.0, `7`},
		{"large number", 1e21, `1e+21`},
		{"duration", 8 * time.Millisecond, `8000000`},
		{"list", []string{"a", "b"}, `["a","b"]`},
		{"not a number", math.NaN(), ""},
		{"infinity", math.Inf(-1), ""},
		{"not a number, inside", map[string]any{"x": math.NaN()}, ""},
		{"function", func() {}, ""},
		{"channel", make(chan int), ""},
		{"nil", nil, ""},
		{"nil pointer", nothing, ""},
		{"error of its own", badMarshaler{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := measured(map[string]any{"k": tt.v, "other": 1}, nil)["k"]
			if string(got) != tt.want || ok != (tt.want != "") {
				t.Errorf("got %s, %v, want %q", got, ok, tt.want)
			}
		})
	}
	both := measured(map[string]any{"k": 1, "own": "x"}, recorded(map[string]float64{"k": 2, "bad": math.NaN()}))
	if got, want := fmt.Sprintf("%s", both), "map[k:2 own:\"x\"]"; got != want {
		t.Errorf("recorded over own: got %s, want %s", got, want)
	}
}

type badMarshaler struct{}

func (badMarshaler) MarshalJSON() ([]byte, error) { return []byte("{"), nil }
