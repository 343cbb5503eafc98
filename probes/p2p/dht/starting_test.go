package dht

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"chorus/probes"
)

// Quick tries of a check that is not proven yet do not count as failed lookups: seven of them within two minutes would be
// half of what rules expect within half an hour.
func TestReplicationTriesCountNoFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := New(Options{Leg: kadOwner{}}) // nobody runs it
		kadMust(t, err)
		p, err := NewReplication(ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "app", Key: "/app/x"}}})
		kadMust(t, err)
		r, err := probes.NewRunner(probes.RunnerOptions{})
		kadMust(t, err)
		kadMust(t, r.Register(ReplicationSpec(p)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(100 * time.Second)
		synctest.Wait()
		const failures = "chorus_replication_failures_total"
		if got := kadGathered(t, p)[failures]; got != 0 {
			t.Errorf("%v failed lookups counted of tries", got)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		scheduled := 0.0
		for o := range r.Results("replication-health") {
			if !o.Starting {
				scheduled++
			}
		}
		if got := kadGathered(t, p)[failures]; got != 2*scheduled || scheduled < 4 {
			t.Errorf("%v failed lookups of 2 keys in %v scheduled runs", got, scheduled)
		}
		cancel()
		kadMust(t, <-done)
	})
}

// A failed try leaves no time behind; wrong answers count whenever they come.
func TestDHTTriesCountNoTimes(t *testing.T) {
	d, err := New(Options{Leg: kadOwner{}})
	kadMust(t, err)
	r := &dhtRound{replies: []dhtReply{{acked: true, putTook: time.Second, getTook: time.Second, verdict: verdictCorrupt}}}
	for i, timed := range []bool{false, true} {
		d.metrics.observe(r, timed)
		got := kadGathered(t, d)
		if put, get := got["chorus_dht_probe_put_seconds"], got["chorus_dht_probe_get_seconds"]; put != float64(i) || get != float64(i) {
			t.Errorf("timed %v: %v puts and %v gets", timed, put, get)
		}
		if n := got["chorus_dht_integrity_failures_total"]; n != float64(i+1) {
			t.Errorf("timed %v: %v wrong answers", timed, n)
		}
	}
}
