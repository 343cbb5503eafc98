package collectors

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var members = ElectionOptions{HeartbeatTimeout: 15 * time.Second, Nodes: []string{"n1", "n2", "n3"}}

func newElection(t testing.TB, o ElectionOptions) *Election {
	t.Helper()
	e, err := NewElection(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// election is what a gather shows, without what is 0 and the constant timeout: names without their prefix, and label
// values, to values.
func election(t testing.TB, e *Election) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(e)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), "chorus_election_")
		for _, m := range f.GetMetric() {
			key, value := name, m.GetGauge().GetValue()+m.GetCounter().GetValue()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			if f.GetType() == dto.MetricType_HISTOGRAM {
				value = float64(m.GetHistogram().GetSampleCount())
			}
			if value != 0 || f.GetType() == dto.MetricType_GAUGE && len(m.GetLabel()) == 0 {
				values[key] = value
			}
		}
	}
	delete(values, "heartbeat_timeout_seconds")
	return values
}

// step is what happens in an election; a test plays several.
type step struct {
	after   time.Duration // after the step before
	node    string        // sends a heartbeat; none: nobody does
	term    uint64
	result  HeartbeatResult
	leaders string // afterwards, with spaces between them
	state   string
	changes float64 // so far
}

func TestElection(t *testing.T) {
	const s = time.Second
	for name, steps := range map[string][]step{
		"silence": {{after: time.Hour, state: stateNoLeader}},
		"one leader goes and comes back": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{5 * s, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{14 * s, "", 0, "", "n1", stateLeader, 0},
			{s, "", 0, "", "", stateNoLeader, 0},
			{time.Hour, "", 0, "", "", stateNoLeader, 0},
			{s, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
		},
		"a new leader is one change": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{5 * s, "n2", 5, HeartbeatAccepted, "n2", stateLeader, 1},
			{s, "n1", 4, HeartbeatStaleTerm, "n2", stateLeader, 1}, // it has not heard yet
			{4 * s, "n2", 5, HeartbeatAccepted, "n2", stateLeader, 1},
			{14 * s, "", 0, "", "n2", stateLeader, 1},
		},
		"a new leader after a silence is one change": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{20 * s, "", 0, "", "", stateNoLeader, 0},
			{s, "n2", 5, HeartbeatAccepted, "n2", stateLeader, 1},
		},
		"the same leader in a new term is one change": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{5 * s, "n1", 5, HeartbeatAccepted, "n1", stateLeader, 1},
		},
		"a split that the first survives is no change": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{s, "n2", 4, HeartbeatAccepted, "n1 n2", stateSplit, 0},
			{13 * s, "n1", 4, HeartbeatAccepted, "n1 n2", stateSplit, 0},
			{2 * s, "", 0, "", "n1", stateLeader, 0},
		},
		"a split that the second survives is one change": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{s, "n2", 4, HeartbeatAccepted, "n1 n2", stateSplit, 0},
			{13 * s, "n2", 4, HeartbeatAccepted, "n1 n2", stateSplit, 0},
			{s, "", 0, "", "n2", stateLeader, 1}, // seen by the gather
			{s, "n2", 4, HeartbeatAccepted, "n2", stateLeader, 1},
		},
		"a split that a new term ends is one change": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{s, "n2", 4, HeartbeatAccepted, "n1 n2", stateSplit, 0},
			{s, "n3", 4, HeartbeatAccepted, "n1 n2 n3", stateSplit, 0},
			{s, "n3", 5, HeartbeatAccepted, "n3", stateLeader, 1},
			{s, "n1", 4, HeartbeatStaleTerm, "n3", stateLeader, 1},
		},
		"a term that runs backwards": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{s, "n1", 3, HeartbeatTermBackwards, "n1", stateLeader, 0},
			{14 * s, "n1", 3, HeartbeatTermBackwards, "", stateNoLeader, 0},
			{s, "n2", 3, HeartbeatStaleTerm, "", stateNoLeader, 0},
		},
		"a cluster that forgot its terms": {
			{0, "n3", 7, HeartbeatAccepted, "n3", stateLeader, 0},
			{5 * s, "n1", 8, HeartbeatAccepted, "n1", stateLeader, 1},
			{20 * s, "n2", 1, HeartbeatStaleTerm, "", stateNoLeader, 1},
			{9 * s, "n2", 1, HeartbeatStaleTerm, "", stateNoLeader, 1},
			{s, "n2", 1, HeartbeatEpochReset, "n2", stateLeader, 2},
			{s, "n2", 1, HeartbeatAccepted, "n2", stateLeader, 2},
			{s, "n3", 2, HeartbeatAccepted, "n3", stateLeader, 3}, // it no longer leads term 7
			{s, "n2", 1, HeartbeatStaleTerm, "n3", stateLeader, 3},
		},
		"a leader that forgot its term": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{29 * s, "n1", 1, HeartbeatTermBackwards, "", stateNoLeader, 0},
			{s, "n1", 1, HeartbeatEpochReset, "n1", stateLeader, 1},
			{s, "n1", 1, HeartbeatAccepted, "n1", stateLeader, 1},
		},
		"an older leader of a minority while the newer lives": {
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{5 * s, "n2", 5, HeartbeatAccepted, "n2", stateLeader, 1},
			{20 * s, "n1", 4, HeartbeatStaleTerm, "", stateNoLeader, 1}, // two lost heartbeats are no new epoch
			{9 * s, "n2", 5, HeartbeatAccepted, "n2", stateLeader, 1},
			{20 * s, "n1", 4, HeartbeatStaleTerm, "", stateNoLeader, 1},
			{9 * s, "n2", 5, HeartbeatAccepted, "n2", stateLeader, 1},
			{s, "n1", 4, HeartbeatStaleTerm, "n2", stateLeader, 1},
		},
		"a newer leader that was out of reach": {
			{0, "n1", 5, HeartbeatAccepted, "n1", stateLeader, 0},
			{30 * s, "n2", 4, HeartbeatEpochReset, "n2", stateLeader, 1},
			{s, "n1", 5, HeartbeatAccepted, "n1", stateLeader, 2},
			{s, "n2", 4, HeartbeatStaleTerm, "n1", stateLeader, 2},
		},
		"no terms": {
			{0, "n1", 0, HeartbeatAccepted, "n1", stateLeader, 0},
			{s, "n2", 0, HeartbeatAccepted, "n1 n2", stateSplit, 0},
			{14 * s, "n2", 0, HeartbeatAccepted, "n2", stateLeader, 1},
		},
		"a stranger": {
			{0, "n9", 9, HeartbeatUnknownAuthor, "", stateNoLeader, 0},
			{0, "n1", 4, HeartbeatAccepted, "n1", stateLeader, 0},
			{0, "n9", 9, HeartbeatUnknownAuthor, "n1", stateLeader, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newElection(t, members)
				for i, s := range steps {
					time.Sleep(s.after)
					if s.node != "" {
						// The sender's clock is hours off: it decides nothing.
						h := Heartbeat{Node: s.node, Term: s.term, Sent: time.Now().Add(5 * time.Hour)}
						if got := e.Heartbeat(h, time.Now()); got != s.result {
							t.Errorf("step %d: the heartbeat is %s, want %s", i, got, s.result)
						}
					}
					want := map[string]float64{"state " + s.state: 1}
					for node := range strings.FieldsSeq(s.leaders) {
						want["leader_info "+node] = 1
					}
					got := election(t, e)
					if got["leadership_changes_total"] != s.changes {
						t.Errorf("step %d: %v changes, want %v", i, got["leadership_changes_total"], s.changes)
					}
					maps.DeleteFunc(got, func(key string, _ float64) bool {
						return !strings.HasPrefix(key, "state ") && !strings.HasPrefix(key, "leader_info ")
					})
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("step %d: want -, got +\n%s", i, diff)
					}
				}
			})
		})
	}
}

// TestElectionValues gathers everything, with a sender whose clock is an hour off and a wall clock of ours that is set.
func TestElectionValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newElection(t, members)
		var step time.Duration
		e.wall = func() time.Time { return time.Now().Add(step) }
		start := float64(time.Now().Unix())
		expect := func(want map[string]float64) {
			t.Helper()
			if diff := cmp.Diff(want, election(t, e)); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		}
		time.Sleep(time.Second)
		expect(map[string]float64{"state no_leader": 1, "observed_since_timestamp_seconds": start})
		start++

		e.Heartbeat(Heartbeat{Node: "n1", Term: 4, Uptime: 90 * time.Second, Sent: time.Now().Add(time.Hour)}, time.Now())
		time.Sleep(5 * time.Second)
		expect(map[string]float64{
			"state leader": 1, "leader_info n1": 1, "term": 4, "heartbeats_total accepted": 1, "leader_uptime_seconds": 90,
			"clock_skew_seconds": 3600, "heartbeat_latency_seconds": 1, "last_heartbeat_timestamp_seconds": start,
		})

		e.Heartbeat(Heartbeat{Node: "n2", Term: 5, Sent: time.Now().Add(-time.Hour)}, time.Now())
		time.Sleep(5 * time.Second)
		second := map[string]float64{
			"state leader": 1, "leader_info n2": 1, "term": 5, "heartbeats_total accepted": 2,
			"clock_skew_seconds": -3600, "heartbeat_latency_seconds": 2, "last_heartbeat_timestamp_seconds": start + 5,
			"leadership_changes_total": 1, "last_change_timestamp_seconds": start + 5,
		}
		expect(second)

		step = 24 * time.Hour // our clock is set: the leader is as alive as before, and as long ago
		second["last_heartbeat_timestamp_seconds"] += step.Seconds()
		second["last_change_timestamp_seconds"] += step.Seconds()
		expect(second)

		e.Heartbeat(Heartbeat{Node: "n3", Term: 5}, time.Now()) // says neither its uptime nor its time
		e.Heartbeat(Heartbeat{Node: "n1", Term: 4}, time.Now())
		for _, reason := range []string{"replayed", "replayed", "accepted", "12D3KooWStranger"} {
			e.Refused(reason)
		}
		third := map[string]float64{
			"state split": 1, "leader_info n2": 1, "leader_info n3": 1, "term": 5, "heartbeats_total accepted": 3,
			"heartbeats_total stale_term": 1, "heartbeats_total replayed": 2, "heartbeats_total other": 2,
			"heartbeat_latency_seconds": 2, "last_heartbeat_timestamp_seconds": start + 10 + step.Seconds(),
			"leadership_changes_total": 1, "last_change_timestamp_seconds": start + 5 + step.Seconds(),
		}
		expect(third)

		time.Sleep(time.Minute)
		delete(third, "state split")
		delete(third, "leader_info n2")
		delete(third, "leader_info n3")
		third["state no_leader"] = 1
		expect(third)
	})
}

// TestElectionEpochNeedsNews: what its sender does not date later than all it has sent begins no epoch.
func TestElectionEpochNeedsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newElection(t, members)
		start := time.Now()
		expect := func(node string, term uint64, sent time.Time, want HeartbeatResult) {
			t.Helper()
			if got := e.Heartbeat(Heartbeat{Node: node, Term: term, Sent: sent}, time.Now()); got != want {
				t.Errorf("the heartbeat is %s, want %s", got, want)
			}
		}
		expect("n1", 3, start, HeartbeatAccepted)
		expect("n2", 4, start.Add(time.Second), HeartbeatAccepted)
		expect("n1", 3, start.Add(2*time.Second), HeartbeatStaleTerm) // refused, and known
		time.Sleep(time.Minute)
		expect("n1", 3, start, HeartbeatStaleTerm)
		expect("n1", 3, start.Add(2*time.Second), HeartbeatStaleTerm)
		expect("n2", 3, start.Add(time.Second), HeartbeatTermBackwards)
		expect("n1", 3, time.Time{}, HeartbeatStaleTerm)
		if got := election(t, e); got["state no_leader"] != 1 || got["term"] != 4 {
			t.Errorf("after repetitions: %v", got)
		}
		expect("n1", 3, start.Add(3*time.Second), HeartbeatEpochReset)
		expect("n1", 3, start.Add(4*time.Second), HeartbeatAccepted)
		got := election(t, e)
		if got["leader_info n1"] != 1 || got["term"] != 3 || got["leadership_changes_total"] != 2 ||
			got["heartbeats_total epoch_reset"] != 1 || got["heartbeat_latency_seconds"] != 4 {
			t.Errorf("after a new epoch: %v", got)
		}
	})
}

// TestElectionOutOfOrder: whoever tells of heartbeats may do so from several goroutines.
func TestElectionOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newElection(t, members)
		start := time.Now()
		time.Sleep(14 * time.Second)
		e.Heartbeat(Heartbeat{Node: "n1", Term: 4, Uptime: 20 * time.Second}, time.Now())
		e.Heartbeat(Heartbeat{Node: "n1", Term: 4, Uptime: 6 * time.Second}, start)
		time.Sleep(10 * time.Second)
		if got := election(t, e); got["leader_info n1"] != 1 || got["leader_uptime_seconds"] != 20 {
			t.Errorf("an older heartbeat took the place of a newer one: %v", got)
		}
		e.Heartbeat(Heartbeat{Node: "n1", Term: 5, Uptime: 7 * time.Second}, start) // but a term is a term
		if got := election(t, e); got["state no_leader"] != 1 || got["term"] != 5 {
			t.Errorf("a heartbeat of a new term that is 24 s old: %v", got)
		}
	})
}
