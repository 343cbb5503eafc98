package main

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// A hung node keeps its connections, and nothing on the network tells it from a live one. The probes do, within one of
// their timeouts: long before the connection is given up, which is not before three pings of 3 seconds.
func TestSwarmFrozen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("freezing a node needs Linux")
	}
	t.Parallel()
	c := watch(t, clusterOptions{processes: true, ping: "{interval: 5s, timeout: 3s, max_failures: 3}"})
	c.all(c.swarm.Freeze, 3)
	c.eventually("one node is silent", func() bool {
		return c.number(`chorus_dht_probe_peers{result="silent"}`) == 1
	})
	if got := c.number(`chorus_dht_servers`); got != 5 {
		t.Errorf("%v nodes are connected when one is found silent, want 5", got)
	}
	if got := c.number(`chorus_dht_probe_peers{result="held"}`); got != 4 {
		t.Errorf("%v nodes hold the value, want 4", got)
	}
	for _, check := range []string{"dht-enhanced", "pubsub-enhanced"} {
		if text := c.error(check); text != "" {
			t.Errorf("%s fails with one of five nodes frozen: %s", check, text)
		}
	}

	c.all(c.swarm.Freeze, 0, 1, 2, 4)
	began := time.Now()
	c.eventually("the message gets stuck", func() bool {
		return c.fails("pubsub-enhanced", "timeout", "the message did not come through the cluster")
	})
	t.Logf("pubsub-enhanced fails %v after all are frozen", time.Since(began).Round(100*time.Millisecond))
	if got := c.number(`chorus_dht_servers`); got < 4 {
		t.Errorf("%v nodes are connected when the message gets stuck, want the 4 that were just frozen", got)
	}
	c.eventually("no node answers", func() bool { return c.fails("dht-enhanced", "timeout", "none of") })
	t.Logf("dht-enhanced fails %v after all are frozen", time.Since(began).Round(100*time.Millisecond))
	c.eventually("no traffic comes here", func() bool { code, _ := c.get("/health/ready"); return code == 503 })

	c.all(c.swarm.Thaw)
	// Not healthy: a ping that waited for the thaw was slow, and says so for 5 minutes.
	c.eventually("all passes again", func() bool {
		code, h := c.child.health("/health")
		for _, check := range []string{"dht-enhanced", "pubsub-enhanced", "replication-health", "election-health"} {
			if at, there := h.Checks[check]; there && !at.Healthy {
				return false
			}
		}
		return code == 200
	})
}

// A partition with one of our two legs on each side: every node is up and connected, and messages do not get through.
func TestSwarmPartition(t *testing.T) {
	t.Parallel()
	c := watch(t, clusterOptions{nodes: 6})
	c.done(c.swarm.Partition([]int{0, 1, 2}, []int{3, 4, 5}))
	c.eventually("the message gets stuck", func() bool {
		return c.fails("pubsub-enhanced", "timeout", "the message did not come through the cluster")
	})
	c.eventually("no traffic comes here", func() bool { code, _ := c.get("/health/ready"); return code == 503 })
	if got := c.number("chorus_p2p_connected_peers"); got != 6 {
		t.Errorf("%v nodes answer, want all 6", got)
	}
	if text := c.error("dht-enhanced"); text != "" {
		t.Errorf("dht-enhanced fails, though both sides answer: %s", text)
	}
	c.done(c.swarm.Heal())
	c.eventually("all is well again", c.healthy)
}

// With all nodes dead there is nobody to bear witness: no probe passes. When they are back, so is health, though the
// cluster's election started again.
func TestSwarmGone(t *testing.T) {
	t.Parallel()
	c := watch(t, clusterOptions{})
	c.all(c.swarm.Kill)
	c.eventually("there is nobody to ask", func() bool {
		return c.fails("pubsub-enhanced", "no_peers", "not connected to any node") &&
			c.fails("dht-enhanced", "no_peers", "") && c.fails("replication-health", "no_peers", "")
	})
	c.eventually("nobody leads", func() bool { return c.number(`chorus_election_state{state="no_leader"}`) == 1 })
	c.eventually("all of it shows", func() bool { return c.sick("pubsub", "dht", "replication", "election") })
	if code, _ := c.get("/health/ready"); code != 503 {
		t.Errorf("/health/ready = %d, want 503", code)
	}
	if code, _ := c.get("/health/live"); code != 200 {
		t.Errorf("/health/live = %d, want 200: a dead cluster is not a reason to restart", code)
	}
	c.all(c.swarm.Revive)
	c.eventually("all is well again", c.healthy)
}

// sick says whether all these components have lost some of their score.
func (c *cluster) sick(components ...string) bool {
	c.t.Helper()
	for _, name := range components {
		if score := c.number(`chorus_component_health_score{component="` + name + `"}`); score < 0 || score >= 1 {
			return false
		}
	}
	return true
}

// Cut off from all nodes, with connections that stay open and carry nothing. Pings give those up only long after every
// probe has run: without connections there would be nobody to wait for, and no timeout.
func TestSwarmCutOff(t *testing.T) {
	t.Parallel()
	c := watch(t, clusterOptions{wired: true, ping: "{interval: 10s, timeout: 5s, max_failures: 3}"})
	c.all(c.cut)
	c.eventually("nothing comes back", func() bool {
		return c.reasons("pubsub-enhanced", "timeout") > 0 && c.reasons("dht-enhanced", "timeout") > 0
	})
	c.eventually("no traffic comes here", func() bool { code, _ := c.get("/health/ready"); return code == 503 })
	c.all(c.mend)
	c.eventually("all is well again", c.healthy)
}

// One node that answers with another value than it was given is named and turns no traffic away, however long it lasts;
// all of them fail the probe.
func TestSwarmCorrupt(t *testing.T) {
	t.Parallel()
	c := watch(t, clusterOptions{})
	c.done(c.swarm.Corrupt(2, true))
	c.eventually("it shows", func() bool {
		return c.number(`chorus_dht_probe_peers{result="corrupt"}`) == 1 && c.status() == "degraded"
	})
	began := c.number("chorus_dht_integrity_failures_total")
	c.eventually("more runs see it than the check tolerates to fail", func() bool {
		return c.number("chorus_dht_integrity_failures_total") >= began+3
	})
	code, h := c.child.health("/health/ready")
	if code != 200 || h.Status != "degraded" {
		t.Errorf("/health/ready = %d, %s, want 200 and degraded", code, h.Status)
	}
	if want := "dht-enhanced: a node answered with other bytes than were put"; !strings.HasPrefix(h.Message, want) {
		t.Errorf("the message is %q, want it to begin with %q", h.Message, want)
	}
	if _, body := c.get("/health/checks/dht-enhanced"); !strings.Contains(body, `"name":"DhtIntegrity"`) ||
		!strings.Contains(body, "4 of 5 nodes hold it; 1 holds something else") {
		t.Errorf("want DhtIntegrity and what the runs saw in\n%s", body)
	}
	if text := c.error("dht-enhanced"); text != "" {
		t.Errorf("dht-enhanced fails with one of five nodes corrupt: %s", text)
	}

	c.all(func(i int) error { return c.swarm.Corrupt(i, true) })
	c.eventually("the probe fails", func() bool {
		return c.fails("dht-enhanced", "integrity", "5 of 5 nodes hold something else than what was put")
	})
	c.eventually("no traffic comes here", func() bool { code, _ := c.get("/health/ready"); return code == 503 })
	c.all(func(i int) error { return c.swarm.Corrupt(i, false) })
	c.eventually("the probe passes again", func() bool {
		return c.number(`chorus_health_check_healthy{check_name="dht-enhanced"}`) == 1
	})
}

// Nodes come and go: losing one of five is not a fault, and losing the leader is one change of the leader.
func TestSwarmLosesNodes(t *testing.T) {
	t.Parallel()
	c := watch(t, clusterOptions{threshold: 3, heartbeat: time.Second, timeout: 2 * time.Second})
	if got := c.leader(); got != 0 {
		t.Fatalf("node %d leads, want the oldest", got)
	}
	c.all(c.swarm.Kill, 4)
	c.steady()
	c.eventually("all is well", c.healthy)

	const changes = "chorus_election_leadership_changes_total"
	before := c.number(changes)
	c.all(c.swarm.Kill, 0)
	c.eventually("the election is degraded", func() bool { return c.status() == "degraded" && c.sick("election") })
	c.eventually("all is well with another leader", c.healthy)
	if info := c.metric(`chorus_election_leader_info{leader="` + c.swarm.Infos()[c.leader()].ID.String() + `"}`); info != "1" {
		t.Error("the leader is another one than the nodes say")
	}
	if got := c.number(changes) - before; got != 1 {
		t.Errorf("%v changes of the leader, want 1", got)
	}
}
