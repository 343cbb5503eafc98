package p2p

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// fleetNode is an exporter: a host of its own, guarded, with a fleet.
type fleetNode struct {
	*beatNode
	fleet  *Fleet
	status atomic.Pointer[FleetStatus]
	end    func() // ends Run and waits for it
}

func (n *fleetNode) is(s FleetStatus) {
	n.status.Store(&s)
	n.fleet.Changed()
}

// fleetSwarm is a ring of nodes that relay the fleet's topic and do nothing else.
func fleetSwarm(t testing.TB, count int) []*beatNode {
	t.Helper()
	nodes := make([]*beatNode, count)
	for i := range nodes {
		nodes[i] = newBeatHost(t).join(t)
		topic, err := nodes[i].ps.Join(DefaultFleetTopic)
		must(t, err)
		_, err = topic.Relay()
		must(t, err)
		if i > 0 {
			nodes[i].connect(t, nodes[i-1])
		}
	}
	return nodes
}

// fleetOf are exporters that are members of one fleet, each connected to two of the nodes, until the end of the test.
func fleetOf(t testing.TB, count int, interval time.Duration, nodes []*beatNode) []*fleetNode {
	t.Helper()
	fleet := make([]*fleetNode, count)
	var ids []peer.ID
	for i := range fleet {
		fleet[i] = &fleetNode{beatNode: newBeatHost(t)}
		ids = append(ids, fleet[i].ID())
	}
	for i, n := range fleet {
		n.start(t, ids, interval)
		n.connect(t, nodes[i%len(nodes)])
		n.connect(t, nodes[(i+1)%len(nodes)])
	}
	return fleet
}

func (n *fleetNode) start(t testing.TB, ids []peer.ID, interval time.Duration) {
	t.Helper()
	n.status.Store(&FleetStatus{Status: "healthy"})
	guard := new(Guard)
	n.fleet = newFleet(t, FleetOptions{
		PubSub: func(context.Context) (*pubsub.PubSub, error) { return n.ps, nil },
		Guard:  guard, Self: n.ID(), NodeID: "exporter", Members: ids, Interval: interval, MaxUnhealthyRatio: 0.5,
		Status: func() FleetStatus { return *n.status.Load() },
	})
	n.join(t, guard.Options()...)
	n.run(t)
}

func (n *fleetNode) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.fleet.Run(ctx); close(done) }()
	n.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(func() { n.end() })
}

// sees waits until the node's view has the values.
func (n *fleetNode) sees(t testing.TB, what string, want map[string]float64) {
	t.Helper()
	eventually(t, what, func() bool {
		got := n.fleet.gathered(t)
		for name, v := range want {
			if got[name] != v {
				return false
			}
		}
		return true
	}, nil)
}

// TestFleetSwarm: five members see each other through nodes that know nothing of them, hear of a change within a second,
// and of a stop from who goes.
func TestFleetSwarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := fleetOf(t, 5, 2*time.Second, fleetSwarm(t, 3))
		for _, n := range fleet {
			n.sees(t, "everybody healthy", map[string]float64{"fleet_members healthy": 5, "fleet_unseen_members": 0})
		}

		if took := fleetNews(t, fleet); took > time.Second {
			if took = fleetNews(t, fleet); took > time.Second { // once more: the machine may be busy
				t.Errorf("a change was known after %v, want 1s at most", took)
			}
		}
		fleet[0].status.Store(&FleetStatus{Status: "stopping"}) // and nobody calls Changed
		fleet[0].end()
		for _, n := range fleet[1:] {
			n.sees(t, "one stopping", map[string]float64{
				"fleet_members healthy": 4, "fleet_members stopping": 1, "fleet_shutdown_ahead": 1, "fleet_unseen_members": 0,
			})
		}
		for _, n := range fleet[1:] {
			n.sees(t, "the one that went unseen", map[string]float64{
				"fleet_members healthy": 4, "fleet_members stopping": 0, "fleet_shutdown_ahead": 0, "fleet_unseen_members": 1,
			})
		}
		fleet[0].is(FleetStatus{Status: "starting"})
		fleet[0].run(t)
		for _, n := range fleet[1:] {
			n.sees(t, "it back", map[string]float64{"fleet_members starting": 1, "fleet_unseen_members": 0})
		}
		wantFleet(t, fleet[1].fleet, map[string]float64{
			"fleet_messages_total bad_signature": 0, "fleet_messages_total malformed": 0, "fleet_messages_total unknown_author": 0,
		})
	})
}

// fleetNews is how long it takes all members to know that the first one is unhealthy.
func fleetNews(t *testing.T, fleet []*fleetNode) time.Duration {
	t.Helper()
	time.Sleep(fleetGap) // so that nothing but the change is on its way
	begin := time.Now()
	fleet[0].is(FleetStatus{Status: "unhealthy", WantsStop: true})
	for _, n := range fleet[1:] {
		ahead := 0.
		if fleet[0].ID().String() < n.ID().String() {
			ahead = 1
		}
		n.sees(t, "one unhealthy", map[string]float64{
			"fleet_members healthy": 4, "fleet_members unhealthy": 1, "fleet_shutdown_ahead": ahead,
		})
	}
	took := time.Since(begin)
	fleet[0].is(FleetStatus{Status: "healthy"})
	for _, n := range fleet[1:] {
		n.sees(t, "everybody healthy again", map[string]float64{"fleet_members healthy": 5})
	}
	return took
}

// TestFleetCut: without a network all others are unseen, and with it they come back.
func TestFleetCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := fleetSwarm(t, 2)
		fleet := fleetOf(t, 3, 500*time.Millisecond, nodes)
		cut := fleet[0]
		for _, n := range fleet {
			n.sees(t, "everybody", map[string]float64{"fleet_unseen_members": 0})
		}
		for _, n := range nodes {
			must(t, cut.Network().ClosePeer(n.ID()))
		}
		cut.sees(t, "nobody but itself", map[string]float64{"fleet_members healthy": 1, "fleet_unseen_members": 2})
		fleet[1].sees(t, "the others", map[string]float64{"fleet_members healthy": 2, "fleet_unseen_members": 1})
		for _, n := range nodes {
			cut.connect(t, n)
		}
		for _, n := range fleet {
			n.sees(t, "everybody again", map[string]float64{"fleet_members healthy": 3, "fleet_unseen_members": 0})
		}
	})
}

// TestFleetHostile attacks as a neighbour that says what it likes: nothing of it changes what is known.
func TestFleetHostile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		member, attacker := newBeatHost(t), newBeatHost(t)
		us := &fleetNode{beatNode: newBeatHost(t)}
		us.start(t, []peer.ID{member.ID(), us.ID()}, time.Minute)
		us.connect(t, attacker)
		id, now := member.ID(), time.Now()

		old := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), fleetData("healthy", false, now.Add(-time.Minute)))
		genuine := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), fleetData("unhealthy", false, now))
		attacker.send(t, us.ID(), genuine)
		known := map[string]float64{
			"fleet_members healthy": 1, "fleet_members unhealthy": 1, "fleet_unseen_members": 0,
			"fleet_messages_total accepted": 1, "fleet_shutdown_ahead": 0,
		}
		us.sees(t, "the member", known)

		later := fleetData("stopping", true, now.Add(time.Second))
		forged := signedOn(t, DefaultFleetTopic, id, attacker.key, seqno(), later)
		unsigned := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), later)
		unsigned.Signature = nil
		tampered := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), fleetData("healthy", false, now.Add(time.Second)))
		tampered.Data = later
		otherTopic := signedOn(t, DefaultHeartbeatTopic, id, member.key, seqno(), later)
		moved := signedOn(t, DefaultHeartbeatTopic, id, member.key, seqno(), later)
		moved.Topic = genuine.Topic
		stranger := signedOn(t, DefaultFleetTopic, attacker.ID(), attacker.key, seqno(), later)
		ours := signedOn(t, DefaultFleetTopic, us.ID(), attacker.key, seqno(), later)
		long := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), append(later, strings.Repeat(" ", MaxFleetBytes)...))
		junk := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), []byte(`{"v":1,"status":"gone"}`))
		skewed := signedOn(t, DefaultFleetTopic, id, member.key, seqno(), fleetData("stopping", true, now.Add(3*time.Hour)))
		attacker.send(t, us.ID(), forged, unsigned, tampered, otherTopic, moved, stranger, ours, long, junk, skewed, old)

		known["fleet_messages_total bad_signature"] = 4
		known["fleet_messages_total unknown_author"] = 2
		known["fleet_messages_total oversize"] = 1
		known["fleet_messages_total malformed"] = 1
		known["fleet_messages_total clock_skew"] = 1
		known["fleet_messages_total replayed"] = 1
		known["fleet_messages_total other"] = 0
		us.sees(t, "every message refused", known)
	})
}

// TestFleetOnNode hears the fleet from within a node of the cluster, which must go on relaying what it would without.
func TestFleetOnNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, far := newBeatHost(t).join(t), newBeatHost(t).join(t)
		stranger := newBeatHost(t).join(t)
		on := &fleetNode{beatNode: node}
		on.status.Store(&FleetStatus{Status: "degraded"})
		on.fleet = newFleet(t, FleetOptions{
			PubSub: func(context.Context) (*pubsub.PubSub, error) { return node.ps, nil },
			Self:   node.ID(), Members: []peer.ID{far.ID()}, Interval: time.Second, MaxUnhealthyRatio: 0.5,
			Status: func() FleetStatus { return *on.status.Load() },
		})
		on.run(t)
		for _, n := range []*beatNode{far, stranger} {
			var err error
			n.topic, err = n.ps.Join(DefaultFleetTopic)
			must(t, err)
			n.sub, err = n.topic.Subscribe()
			must(t, err)
			n.connect(t, node)
		}
		eventually(t, "refusal of the stranger", func() bool {
			return on.fleet.gathered(t)["fleet_messages_total unknown_author"] > 0
		}, func() { must(t, stranger.topic.Publish(t.Context(), []byte("anything"))) })
		eventually(t, "the far member", func() bool {
			return on.fleet.gathered(t)["fleet_members unhealthy"] == 1
		}, func() { must(t, far.topic.Publish(t.Context(), fleetData("unhealthy", false, time.Now()))) })
		heard := map[peer.ID]bool{}
		eventually(t, "what the node says and relays", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if m, err := far.sub.Next(ctx); err == nil {
				heard[m.GetFrom()] = true
			}
			return heard[node.ID()] && heard[stranger.ID()]
		}, func() {
			// Again and again: what the stranger said before the node knew of far's subscription went to nobody.
			must(t, stranger.topic.Publish(t.Context(), []byte("anything")))
		})
	})
}
