package dht

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"chorus/probes"
)

// What is no longer watched is not shown any more, nor is what a name meant before; what is wanted counts at once.
func TestReplicationApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := appSwarm(t, 3)
		putTo(t, "/app/a", "x", servers...)
		putTo(t, "/app/b", "x", servers[0])
		d := kadProbe(t, Options{}, servers...)
		a, b := WatchedKey{Name: "a", Key: "/app/a"}, WatchedKey{Name: "b", Key: "/app/b"}
		p, err := NewReplication(ReplicationOptions{DHT: d, MinHolders: 1, Keys: []WatchedKey{a, b}})
		kadMust(t, err)
		_, err = kadDetails(t, p)
		kadMust(t, err)
		holders := func(want map[string]float64) {
			t.Helper()
			got := kadGathered(t, p)
			maps.DeleteFunc(got, func(series string, _ float64) bool {
				return !strings.HasPrefix(series, "chorus_replication_holders,")
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("holders (-want +got):\n%s", diff)
			}
		}
		const ofA, ofB, own = "chorus_replication_holders,a", "chorus_replication_holders,b", "chorus_replication_holders,probe"
		holders(map[string]float64{ofA: 3, ofB: 1, own: 3})
		renamed := WatchedKey{Name: "b", Key: "/app/a"}
		kadMust(t, p.Apply([]WatchedKey{renamed, a}, 2))
		holders(map[string]float64{ofA: 3, own: 3})
		got, err := kadDetails(t, p)
		kadMust(t, err)
		wantKadDetails(t, got, map[string]any{"min_holders": 2, "under_min_holders": 0})
		holders(map[string]float64{ofA: 3, ofB: 3, own: 3})
		kadMust(t, p.Apply(nil, 0))
		holders(map[string]float64{own: 3})
		if got := kadGathered(t, p)["chorus_replication_min_holders"]; got != DefaultReplicationMinHolders {
			t.Errorf("%v holders wanted, want the default", got)
		}
	})
}

// The verdict of the DHT probe follows another minimum of holders.
func TestDHTApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 2)
		d := kadProbe(t, Options{}, servers...)
		_, err := kadDetails(t, d)
		kadMust(t, err)
		kadMust(t, d.ApplyMinHolders(3))
		got, err := kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonError, "2 of 2 nodes hold the value, 3 are required")
		wantKadDetails(t, got, map[string]any{"min_holders": 3})
		kadMust(t, d.ApplyMinHolders(0))
		_, err = kadDetails(t, d)
		kadMust(t, err)
	})
}

// Of settings with one that is wrong none is taken; those that were in force stay.
func TestApplyIsAllOrNothing(t *testing.T) {
	d, err := New(Options{Leg: kadOwner{}, BucketSize: 5, MinHolders: 2})
	kadMust(t, err)
	r, err := NewReplication(ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "old", Key: "/app/old"}}, MinHolders: 3})
	kadMust(t, err)
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"more holders than nodes":         {d.ApplyMinHolders(6), "minimum of holders 6: use 1 to 5"},
		"negative":                        {d.ApplyMinHolders(-1), "minimum of holders -1"},
		"replication: a key without name": {r.Apply([]WatchedKey{{Name: "new", Key: "/app/new"}, {Key: "/app/x"}}, 1), "watched key"},
		"replication: negative":           {r.Apply(nil, -1), "minimum of holders -1"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, tt.err, tt.want)
		}
	}
	if n := d.inForce().MinHolders; n != 2 {
		t.Errorf("the probe wants %d holders, want 2 as before", n)
	}
	if w := r.watch.Load(); w.minHolders != 3 || len(w.keys) != 1 || w.keys[0].Name != "old" {
		t.Errorf("the replication probe watches %+v, want what it did", w)
	}
}
