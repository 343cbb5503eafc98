package collectors

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
)

func TestElectionApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newElection(t, members)
		e.Heartbeat(Heartbeat{Node: "n1", Term: 4}, time.Now())
		e.Heartbeat(Heartbeat{Node: "n3", Term: 1 << 40}, time.Now())
		before := election(t, e)
		if err := e.Apply(ElectionOptions{HeartbeatTimeout: -1}); err == nil {
			t.Error("a negative timeout was applied")
		}
		if diff := cmp.Diff(before, election(t, e)); diff != "" {
			t.Errorf("a refused Apply changed something: want -, got +\n%s", diff)
		}

		// Without the node that led far too high a term, the others count again.
		if err := e.Apply(ElectionOptions{HeartbeatTimeout: time.Minute, Nodes: []string{"n4", "n1"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		got := election(t, e)
		if got["term"] != 4 || got["leader_info n1"] != 1 || got["leader_info n3"] != 0 {
			t.Errorf("after n3 went: %v", got)
		}
		if _, there := got["observed_since_timestamp_seconds"]; there {
			t.Errorf("with a heartbeat known, how long there was none is exposed too: %v", got)
		}
		if result := e.Heartbeat(Heartbeat{Node: "n4", Term: 5}, time.Now()); result != HeartbeatAccepted {
			t.Errorf("the heartbeat of a new node is %s", result)
		}
		if result := e.Heartbeat(Heartbeat{Node: "n3", Term: 1 << 40}, time.Now()); result != HeartbeatUnknownAuthor {
			t.Errorf("the heartbeat of a node that went is %s", result)
		}

		// With all nodes that were heard gone nothing is known, from now on.
		if err := e.Apply(ElectionOptions{Nodes: []string{"n9"}}); err != nil {
			t.Fatal(err)
		}
		now := float64(time.Now().Unix())
		time.Sleep(5 * time.Second)
		if err := e.Apply(ElectionOptions{Nodes: []string{"n8", "n9"}}); err != nil { // which changes nothing of it
			t.Fatal(err)
		}
		want := map[string]float64{"state no_leader": 1, "observed_since_timestamp_seconds": now}
		got = election(t, e)
		maps.DeleteFunc(got, func(key string, _ float64) bool {
			return !strings.HasPrefix(key, "state ") && key != "observed_since_timestamp_seconds"
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("want -, got +\n%s", diff)
		}
	})
}

// TestElectionLog: one line for each thing that happened, whether a heartbeat or a gather noticed it.
func TestElectionLog(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		o := members
		o.Logger = log.NewLogfmtLogger(&out)
		e := newElection(t, o)
		beat := func(node string, term uint64) {
			e.Heartbeat(Heartbeat{Node: node, Term: term}, time.Now())
			election(t, e)
		}
		beat("n1", 4)
		beat("n1", 4)
		beat("n9", 4)
		beat("n2", 4)
		beat("n2", 5)
		time.Sleep(time.Minute)
		election(t, e)
		election(t, e)
	})
	want := `level=info component=election msg="Leader or its term changed" peer=n1
level=warn component=election msg="More than one node leads in the same term" peer="n1 n2"
level=info component=election msg="Leader or its term changed" peer=n2
level=warn component=election msg="No leader: its heartbeats stopped"
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

func TestElectionOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		options ElectionOptions
		want    []string // parts of the error; none: there is none
	}{
		"one node":         {options: ElectionOptions{Nodes: []string{"n1"}}},
		"no nodes":         {want: []string{"election: no nodes: name those that may lead"}},
		"negative timeout": {ElectionOptions{HeartbeatTimeout: -time.Second, Nodes: []string{"n1"}}, []string{"timeout -1s", "or 0 for 15s"}},
		"all faults at once": {
			ElectionOptions{Nodes: []string{"n1", "", "\xff", "n1"}},
			[]string{`node "n1" is listed twice`, "no name", `node "\xff" is not valid UTF-8`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := NewElection(tt.options)
			if (err != nil) != (len(tt.want) > 0) || (e == nil) != (err != nil) {
				t.Fatalf("got %v, %v", e, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// TestElectionConcurrency tells and gathers at once, for the race detector.
func TestElectionConcurrency(t *testing.T) {
	e := newElection(t, members)
	var all sync.WaitGroup
	for _, node := range append(slices.Clone(members.Nodes), "n9") {
		all.Go(func() {
			for term := range uint64(200) {
				e.Heartbeat(Heartbeat{Node: node, Term: term, Sent: time.Now()}, time.Now())
				e.Refused("replayed")
				if term%50 == 0 {
					election(t, e)
				}
				if term == 100 {
					if err := e.Apply(members); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	got := election(t, e)
	if sum := got["heartbeats_total accepted"] + got["heartbeats_total stale_term"]; sum != 600 || got["term"] != 199 {
		t.Errorf("%v of 600 heartbeats counted: %v", sum, got)
	}
}
