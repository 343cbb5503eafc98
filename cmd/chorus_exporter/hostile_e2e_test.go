//go:build e2e

package main

import (
	"fmt"
	"testing"
	"time"

	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"

	"chorus/probes/p2p/devnet"
)

// hostileBound is the memory, in bytes, that docs/p2p.md says the exporter stays under.
const hostileBound = 256 << 20

const (
	beats    = "chorus_election_heartbeats_total"
	accepted = beats + `{result="accepted"}`
	resident = "process_resident_memory_bytes"
)

// besiege starts five honest nodes and a hostile one as the sixth target, on the leg that hears heartbeats, and the
// exporter. Of the heartbeats, genuine ones are taken down that the exporter has not heard.
func besiege(t *testing.T, genuine int) (c *cluster, h *hostile, heard []*pubsubpb.Message) {
	t.Helper()
	h = newHostile(t, newVictim(t))
	also := func(s *devnet.Swarm) []string {
		for _, node := range s.Infos() {
			h.honest = append(h.honest, node.ID)
		}
		heard = eavesdrop(t, s, genuine)
		return []string{h.target()} // the last three are those of leg B
	}
	// With a second between heartbeats the honest nodes bear the load of the machine without another election.
	c = watch(t, clusterOptions{threshold: 3, processes: true, heartbeat: time.Second, also: also})
	c.eventually("the hostile node is connected", func() bool {
		return h.write(encodeRPC(t, subscribed())) > 0 && c.number("chorus_p2p_connected_peers") == 6
	})
	c.eventually("every check is ok", func() bool { return len(c.troubled()) == 0 })
	return c, h, heard
}

// subscribed is what a node says first.
func subscribed() *pubsubpb.RPC {
	rpc, yes := &pubsubpb.RPC{}, true
	for _, topic := range []string{devnet.DefaultHealthTopic, devnet.DefaultHeartbeatTopic} {
		rpc.Subscriptions = append(rpc.Subscriptions, &pubsubpb.RPC_SubOpts{Subscribe: &yes, Topicid: &topic})
	}
	return rpc
}

// undisturbed checks, while busy does something, that neither the status nor a check changes, that heartbeats keep coming
// and that memory stays within its bound. It returns the most that was resident.
func (c *cluster) undisturbed(busy func()) (most float64) {
	c.t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); busy() }()
	before, since := c.number(accepted), time.Now()
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, trouble := range c.troubled() {
			c.t.Error(trouble)
		}
		most = max(most, c.number(resident))
		if now := c.number(accepted); now > before {
			before, since = now, time.Now()
		} else if time.Since(since) > 3*time.Second {
			c.t.Errorf("no heartbeat for %v", time.Since(since))
			since = time.Now()
		}
		select {
		case <-done:
			if most > hostileBound {
				c.t.Errorf("%.0f MiB resident, want at most %d", most/(1<<20), hostileBound>>20)
			}
			return most
		case <-tick.C:
		}
	}
}

// troubled are the status and the checks that are not as they should be, with what they say.
func (c *cluster) troubled() (all []string) {
	c.t.Helper()
	code, h := c.child.health("/health")
	if code != 200 || h.Status != "healthy" {
		all = append(all, fmt.Sprintf("/health is %d, %s: %s", code, h.Status, h.Message))
	}
	for name, check := range h.Checks {
		if !check.Healthy || check.State != "ok" {
			all = append(all, fmt.Sprintf("%s is %s: %s", name, check.State, check.Error))
		}
	}
	return all
}

// What one hostile target says changes no verdict, keeps out no heartbeat, fills no memory and gets nobody dialled.
func TestSwarmHostile(t *testing.T) {
	c, h, genuine := besiege(t, 8)
	leader, full := h.honest[c.leader()], hollow()
	calm := c.number(resident)
	most := c.undisturbed(func() {
		for _, old := range genuine {
			for _, lie := range h.lies(leader, old) {
				h.send(&pubsubpb.RPC{Publish: []*pubsubpb.Message{lie}})
			}
			h.send(subscribed(), h.peerExchange(), randomTopics(20_000), randomTopics(20_000)) // 320,000 topics in all
			h.write(full)
			for _, raw := range broken() {
				h.write(raw)
			}
			time.Sleep(time.Second)
		}
	})
	t.Logf("resident: %.0f MiB before, at most %.0f meanwhile", calm/(1<<20), most/(1<<20))
	for _, result := range []string{
		"author_mismatch", "bad_signature", "clock_skew", "malformed", "oversize", "replayed", "unknown_author",
	} {
		if got := c.number(beats + `{result="` + result + `"}`); got < float64(len(genuine))/2 {
			t.Errorf("%s: %v, want that the lies were heard and refused", result, got)
		}
	}
	if changes, term := c.number("chorus_election_leadership_changes_total"), c.number("chorus_election_term"); changes != 0 || term > 100 {
		t.Errorf("%v changes of the leader, term %v: want none, and the first", changes, term)
	}
	if got := c.number(`chorus_p2p_dials_refused_total{leg="dht"}`); got == 0 || h.dht.Load() < 16 {
		t.Errorf("%v dials refused after %d answers that lead to the victim, want some", got, h.dht.Load())
	}
	if got := h.victim.conns.Load(); got != 0 {
		t.Errorf("the victim was connected to %d times", got)
	}
}
