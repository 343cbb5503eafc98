//go:build e2e

package main

import (
	"cmp"
	"strings"
	"time"
)

// fault is one row of docs/detection.md.
type fault struct {
	name    string
	options clusterOptions
	pull    func(*cluster)
	end     func(*cluster)
	seen    func(*cluster) bool // what shows a fault that the cluster bears; nil: /health/ready answers 503
	lasts   bool                // it shows for longer than the fault, so every round has an exporter of its own
}

// lever is a fault of a lever that is pulled for some nodes, or all if there are none, and pushed back.
func lever(name string, pull, end func(*cluster) func(int) error, nodes ...int) fault {
	return fault{
		name: name,
		pull: func(c *cluster) { c.all(pull(c), nodes...) },
		end:  func(c *cluster) { c.all(end(c), nodes...) },
	}
}

// shownBy says what shows a fault that the cluster bears. How soon does not depend on how many failed runs a check
// tolerates; that it is borne must not depend on a single run that comes late on a busy machine.
func (f fault) shownBy(seen func(*cluster) bool) fault {
	f.seen, f.options.threshold = seen, 3
	return f
}

func (f fault) wired() fault {
	f.options.wired = true
	return f
}

// The levers.
var (
	kill   = func(c *cluster) func(int) error { return c.swarm.Kill }
	revive = func(c *cluster) func(int) error { return c.swarm.Revive }
	freeze = func(c *cluster) func(int) error { return c.swarm.Freeze }
	thaw   = func(c *cluster) func(int) error { return c.swarm.Thaw }
	cut    = func(c *cluster) func(int) error { return c.cut }
	mend   = func(c *cluster) func(int) error { return c.mend }
)

func slow(by time.Duration) func(*cluster) func(int) error {
	return func(c *cluster) func(int) error { return func(i int) error { return c.swarm.Slow(i, by) } }
}

func corrupt(on bool) func(*cluster) func(int) error {
	return func(c *cluster) func(int) error { return func(i int) error { return c.swarm.Corrupt(i, on) } }
}

func flood(rate int) func(*cluster) func(int) error {
	return func(c *cluster) func(int) error { return func(i int) error { return c.swarm.Flood(i, rate) } }
}

// faults are all that the levers do: first what turns traffic away, then what the cluster bears.
func faults() []fault {
	partition := fault{
		name: "cut: partition between our two legs",
		pull: func(c *cluster) { c.done(c.swarm.Partition([]int{0, 1, 2}, []int{3, 4})) },
		end:  func(c *cluster) { c.done(c.swarm.Heal()) },
	}
	oneCorrupt := lever("corrupt: one node", corrupt(true), corrupt(false), 4).shownBy(degraded)
	oneCorrupt.lasts = true
	return []fault{
		lever("kill: all nodes", kill, revive),
		lever("kill: most nodes", kill, revive, 1, 2, 3),
		lever("freeze: all nodes", freeze, thaw),
		lever("cut: this node from all", cut, mend).wired(),
		partition,
		lever("slow: all nodes, 2s", slow(2*time.Second), slow(0)),
		lever("corrupt: all nodes", corrupt(true), corrupt(false)),

		lever("kill: one node", kill, revive, 4).shownBy(peers(4)),
		lever("freeze: one node", freeze, thaw, 4).shownBy(silent),
		lever("cut: one node from this one", cut, mend, 4).wired().shownBy(silent),
		lever("slow: one node, 2s", slow(2*time.Second), slow(0), 4).shownBy(silent),
		lever("slow: all nodes, 50ms", slow(50*time.Millisecond), slow(0)).shownBy(slowPings()),
		oneCorrupt,
		lever("flood: two nodes, 1000 messages a second each", flood(1000), flood(0), 1, 4).shownBy(refusals()),
	}
}

// degraded says whether the wrong answers of a node are what the message names.
func degraded(c *cluster) bool {
	_, h := c.child.health("/health")
	return h.Status == "degraded" && strings.Contains(h.Message, "other bytes than were put")
}

func peers(n float64) func(*cluster) bool {
	return func(c *cluster) bool { return c.number("chorus_p2p_connected_peers") == n }
}

func silent(c *cluster) bool { return c.number(`chorus_dht_probe_peers{result="silent"}`) == 1 }

// slowPings says whether pings have taken over 25ms since the last time it was asked.
func slowPings() func(*cluster) bool {
	return risen(func(c *cluster) float64 {
		return c.number("chorus_p2p_peer_latency_seconds_count") -
			c.number(`chorus_p2p_peer_latency_seconds_bucket{le="0.025"}`)
	})
}

// refusals says whether heartbeats have been refused since the last time it was asked.
func refusals() func(*cluster) bool {
	return risen(func(c *cluster) float64 {
		const refused = "chorus_election_heartbeats_total"
		return c.number(refused+`{result="malformed"}`) + c.number(refused+`{result="rate_limited"}`)
	})
}

// risen says whether a count is higher than when it was last asked for. The first time it is not.
func risen(count func(*cluster) float64) func(*cluster) bool {
	var last *float64
	return func(c *cluster) bool {
		now := count(c)
		was := *cmp.Or(last, &now)
		last = &now
		return now > was
	}
}
