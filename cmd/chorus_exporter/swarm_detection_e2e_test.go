//go:build e2e

package main

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var rounds = flag.Int("rounds", 3, "how often TestSwarmDetection measures each fault")

// TestSwarmDetection measures how long after a fault /health/ready answers 503, with probes that run every second and
// fail at once: the numbers of docs/detection.md. It checks no more than that it happens, and that it ends.
func TestSwarmDetection(t *testing.T) {
	for name, fault := range map[string]struct{ begin, end func(*cluster) }{
		"all nodes killed": {
			func(c *cluster) { c.all(c.swarm.Kill) }, func(c *cluster) { c.all(c.swarm.Revive) },
		},
		"all nodes frozen": {
			func(c *cluster) { c.all(c.swarm.Freeze) }, func(c *cluster) { c.all(c.swarm.Thaw) },
		},
		"partition between our legs": {
			func(c *cluster) { c.done(c.swarm.Partition([]int{0, 1, 2}, []int{3, 4})) },
			func(c *cluster) { c.done(c.swarm.Heal()) },
		},
		"majority killed": {
			func(c *cluster) { c.all(c.swarm.Kill, 1, 2, 3) }, func(c *cluster) { c.all(c.swarm.Revive, 1, 2, 3) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := watch(t, clusterOptions{processes: true, every: "1s"})
			var all []time.Duration
			for range *rounds {
				time.Sleep(rand.N(time.Second)) // anywhere between two runs
				began := time.Now()
				fault.begin(c)
				pulled := time.Since(began)
				c.soon("/health/ready is 503", func() bool { code, _ := c.get("/health/ready"); return code == 503 })
				all = append(all, time.Since(began))
				_, h := c.child.health("/health")
				t.Logf("%v, of which the fault took %v: %s", all[len(all)-1].Round(time.Millisecond),
					pulled.Round(time.Millisecond), h.Message)
				fault.end(c)
				c.settled()
			}
			slices.Sort(all)
			t.Logf("median %v, %v to %v", all[len(all)/2].Round(10*time.Millisecond),
				all[0].Round(10*time.Millisecond), all[len(all)-1].Round(10*time.Millisecond))
		})
	}
}

// settled waits until traffic has come here for 12 seconds with all nodes connected: new connections are given less time
// than those that have held for ten. So many changes of the leader in a row stay degraded, rightly.
func (c *cluster) settled() {
	c.t.Helper()
	since := time.Now()
	c.soon("the fault is over", func() bool {
		if code, _ := c.get("/health/ready"); code != 200 || c.number("chorus_p2p_connected_peers") != float64(c.nodes) {
			since = time.Now()
		}
		return time.Since(since) > 12*time.Second
	})
}
