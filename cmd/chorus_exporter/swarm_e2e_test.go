//go:build e2e

package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// long is how long a test waits for what the rules report only after half a minute.
const long = 90 * time.Second

// soon waits until what holds, longer than eventually does.
func (c *cluster) soon(what string, holds func() bool) {
	c.t.Helper()
	for end := time.Now().Add(long); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// fault says whether a check that rules decide shows a fault.
func (c *cluster) fault(check string) bool {
	c.t.Helper()
	_, h := c.child.health("/health")
	known, ok := h.Checks[check]
	return ok && !known.Healthy
}

// Twenty nodes are as quickly known as five, and the loss of one is not a fault.
func TestSwarmOfTwenty(t *testing.T) {
	c := watch(t, clusterOptions{nodes: 20, threshold: 3, heartbeat: time.Second})
	c.eventually("most nodes hold the value", func() bool {
		return c.number(`chorus_dht_probe_peers{result="held"}`) >= 15
	})
	c.all(c.swarm.Kill, 13)
	c.steady()
	c.eventually("all is well", c.healthy)
}

// Two of five nodes are fewer than min_peers, and fewer than should hold a value. That one message gets through between
// them does not hide it.
func TestSwarmMajorityDies(t *testing.T) {
	c := watch(t, clusterOptions{})
	c.all(c.swarm.Kill, 1, 2, 3)
	c.soon("too few peers", func() bool { return c.fault("p2p-connectivity") })
	c.soon("no traffic comes here", func() bool { code, _ := c.get("/health/ready"); return code == 503 })
	if got := c.number("chorus_p2p_connected_peers"); got != 2 {
		t.Errorf("%v nodes answer, want 2", got)
	}
	c.eventually("replication is under its target", func() bool {
		return c.number(`chorus_replication_holders{key="probe"}`) == 2 && c.fault("replication-health")
	})
	c.all(c.swarm.Revive, 1, 2, 3)
	c.soon("all is well again", c.healthy)
}

// Four of five nodes gone show at once, as pending and not as "all passing", long before they are a fault.
func TestSwarmPending(t *testing.T) {
	c := watch(t, clusterOptions{threshold: 10})
	began := time.Now()
	c.all(c.swarm.Kill, 1, 2, 3, 4)
	var h health
	c.eventually("too few peers are pending", func() bool {
		_, h = c.child.health("/health")
		return h.Checks["p2p-connectivity"].State == "pending"
	})
	t.Logf("pending %v after the first of four was killed", time.Since(began).Round(10*time.Millisecond))
	text := h.Checks["p2p-connectivity"].Message
	// The few that hold a value may be noticed first, and what fails stands before what is pending.
	named := strings.Contains(h.Message, text) || h.Status == "degraded"
	if !strings.Contains(text, " connected") || !named {
		t.Errorf("the check says %q and the node %q, want the peers named, or what already fails", text, h.Message)
	}
	if code, _ := c.get("/health/ready"); code != 200 {
		t.Errorf("/health/ready = %d while nothing is more than pending, want 200", code)
	}
	if _, h := c.child.health("/health/checks"); h.Checks["p2p-connectivity"].State != "pending" {
		t.Errorf("/health/checks says %+v, want pending", h.Checks["p2p-connectivity"])
	}
	c.soon("too few peers", func() bool { return c.fault("p2p-connectivity") })
	if took := time.Since(began); took < 30*time.Second {
		t.Errorf("a fault after %v, want 30s at least", took)
	}
	c.all(c.swarm.Revive, 1, 2, 3, 4)
	c.soon("all is well again", c.healthy)
}

// An exporter that never reaches a node is starting for half a minute, and then unhealthy. There is no election, so that
// nothing else is waited for.
func TestSwarmNobodyListens(t *testing.T) {
	o := clusterOptions{threshold: 10}.complete()
	s := startSwarm(t, o)
	targets := s.Targets()
	for i := range o.nodes {
		if err := s.Kill(i); err != nil {
			t.Fatal(err)
		}
	}
	config := strings.Replace(o.config(targets), "disable: [", "disable: [election-health, ", 1)
	c := &cluster{swarm: s, nodes: o.nodes, child: start(t, "--config.file="+write(t, "chorus.yml", config))}
	began := time.Now()
	var seen []string
	c.soon("it is unhealthy", func() bool {
		code, h := c.child.health("/health")
		if len(seen) == 0 || seen[len(seen)-1] != h.Status {
			seen = append(seen, h.Status)
		}
		if code != 503 {
			t.Fatalf("/health = %d, %s, without a single peer", code, h.Status)
		}
		return h.Status == "unhealthy"
	})
	if want := []string{"starting", "unhealthy"}; !slices.Equal(seen, want) {
		t.Errorf("the status went through %v, want %v", seen, want)
	}
	t.Logf("unhealthy %v after it listens", time.Since(began).Round(100*time.Millisecond))
	if !c.fault("p2p-connectivity") {
		t.Error("unhealthy for another reason than the lack of peers")
	}
}

// With all nodes dead every component of the cluster shows it, and with all of them back none does.
func TestSwarmDies(t *testing.T) {
	c := watch(t, clusterOptions{})
	c.all(c.swarm.Kill)
	c.soon("every check fails", func() bool {
		for _, check := range []string{
			"p2p-connectivity", "pubsub-enhanced", "dht-enhanced", "replication-health", "election-health",
		} {
			if !c.fault(check) {
				return false
			}
		}
		return c.sick("p2p", "pubsub", "dht", "replication", "election")
	})
	if code, _ := c.get("/health/ready"); code != 503 {
		t.Errorf("/health/ready = %d, want 503", code)
	}
	c.all(c.swarm.Revive)
	c.soon("all is well again", c.healthy)
}

// Junk that nodes of the cluster sign and send changes no verdict, holds up no heartbeat and fills no memory.
func TestSwarmFlood(t *testing.T) {
	const (
		rate  = 1000      // messages a second from each of two nodes
		bound = 200 << 20 // bytes: several times what the exporter needs in peace, and little beside what it was sent
	)
	// A second between heartbeats: on a busy machine the nodes, which check every signature, would else elect again.
	c := watch(t, clusterOptions{threshold: 3, processes: true, heartbeat: time.Second})
	const accepted, refused = `chorus_election_heartbeats_total{result="accepted"}`, "chorus_election_heartbeats_total"
	calm := c.number("process_resident_memory_bytes")
	for _, i := range []int{1, 4} { // one on each side of our two legs
		c.done(c.swarm.Flood(i, rate))
	}
	for range 5 {
		before := c.number(accepted)
		if seen := c.changes(3 * time.Second); len(seen) != 1 || seen[0] != "healthy" {
			t.Errorf("the status went through %v, want healthy alone", seen)
		}
		if c.number(accepted) == before {
			t.Error("no heartbeat has arrived within 3 seconds")
		}
		if got := c.number("process_resident_memory_bytes"); got > bound {
			t.Errorf("%.0f MiB resident, want at most %d", got/(1<<20), bound>>20)
		}
	}
	t.Logf("resident: %.0f MiB before the flood, %.0f in it", calm/(1<<20), c.number("process_resident_memory_bytes")/(1<<20))
	for _, result := range []string{"malformed", "rate_limited", "oversize", "replayed"} {
		t.Logf("%s: %v", result, c.number(refused+`{result="`+result+`"}`))
	}
	if got := c.number(refused+`{result="malformed"}`) + c.number(refused+`{result="rate_limited"}`); got < 100 {
		t.Errorf("%v messages were refused, want the flood to have reached us", got)
	}
	c.all(func(i int) error { return c.swarm.Flood(i, 0) }, 1, 4)
	c.eventually("all is well", c.healthy)
}
