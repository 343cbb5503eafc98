//go:build e2e

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var rounds = flag.Int("rounds", 3, "how often TestSwarmDetection measures each fault")

// TestSwarmDetection measures how long after a fault /health/ready answers 503, and after its end 200, with probes that
// run every second and fail at once; of faults that the cluster bears, how soon they can be seen. Those are the numbers of
// docs/detection.md. It checks no more than that it happens and that it ends, and that a fault which the cluster bears is
// never a 503 where a check tolerates more than one failed run.
func TestSwarmDetection(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			f.options.processes, f.options.every = true, "1s"
			if f.lasts {
				f.measureAnew(t)
				return
			}
			c := watch(t, f.options)
			var shown, over []time.Duration
			for range *rounds {
				c.settled()
				began, ended := f.round(c)
				shown, over = append(shown, began), append(over, ended)
			}
			t.Logf("| %s | %s | %s |", f.name, spread(shown), spread(over))
		})
	}
}

// measureAnew measures each round with another swarm and exporter.
func (f fault) measureAnew(t *testing.T) {
	var shown []time.Duration
	for range *rounds {
		t.Run("", func(t *testing.T) {
			c := watch(t, f.options)
			began, _ := f.round(c)
			shown = append(shown, began)
		})
	}
	t.Logf("| %s | %s | – |", f.name, spread(shown))
}

// round pulls the lever at any moment between two runs, and pushes it back when the fault has been seen. It is how long
// after the first began the fault showed, and how long after the second was done it no longer did.
func (f fault) round(c *cluster) (shown, over time.Duration) {
	c.t.Helper()
	if f.seen != nil {
		f.seen(c) // what has been until now
	}
	time.Sleep(rand.N(time.Second))
	began := time.Now()
	f.pull(c)
	pulled := time.Since(began)
	c.soon("the fault shows", func() bool { return f.shows(c) })
	shown = time.Since(began)
	_, h := c.child.health("/health")
	c.t.Logf("%v, of which the fault took %v: %s, %s", shown.Round(time.Millisecond), pulled.Round(time.Millisecond),
		h.Status, h.Message)
	if f.seen != nil {
		f.borne(c)
	}
	f.end(c)
	ended := time.Now()
	if !f.lasts {
		c.soon("the fault is over", func() bool { return !f.shows(c) })
	}
	return shown, time.Since(ended)
}

func (f fault) shows(c *cluster) bool {
	c.t.Helper()
	if f.seen != nil {
		time.Sleep(40 * time.Millisecond) // all metrics are gathered for it
		return f.seen(c)
	}
	code, _ := c.get("/health/ready")
	return code == 503
}

// borne checks that traffic still comes here while the fault goes on.
func (f fault) borne(c *cluster) {
	c.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if code, body := c.get("/health/ready"); code != 200 {
			c.t.Errorf("/health/ready = %d, %s, want 200: the cluster bears it; dht-enhanced: %q, pubsub-enhanced: %q",
				code, strings.TrimSpace(body), c.error("dht-enhanced"), c.error("pubsub-enhanced"))
			return
		}
	}
}

// settled waits until traffic has come here for 12 seconds with all nodes connected: new connections are given less time
// than those that have held for ten. So many changes of the leader in a row stay degraded, rightly.
func (c *cluster) settled() {
	c.t.Helper()
	since := time.Now()
	c.soon("the fault is long over", func() bool {
		time.Sleep(40 * time.Millisecond)
		if code, _ := c.get("/health/ready"); code != 200 || !peers(float64(c.nodes))(c) {
			since = time.Now()
		}
		return time.Since(since) > 12*time.Second
	})
}

// spread is the median of some times, the shortest and the longest, as cells of a table.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	median := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	var cells []string
	for _, d := range []time.Duration{median, all[0], all[len(all)-1]} {
		cells = append(cells, fmt.Sprintf("%.2fs", d.Seconds()))
	}
	return strings.Join(cells, " | ")
}
