package p2p

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// TestHeartbeats observes three nodes through one of them, which relays for the others and for a stranger.
func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nodes []*beatNode
		for range 4 {
			n := newBeatHost(t).join(t).subscribe(t)
			for _, other := range nodes {
				n.connect(t, other)
			}
			nodes = append(nodes, n)
		}
		n1, n2, n3, stranger := nodes[0], nodes[1], nodes[2], nodes[3]
		o := observe(t, HeartbeatOptions{Authors: map[peer.ID]string{n1.ID(): "n1", n2.ID(): "n2", n3.ID(): "n3"}})
		o.connect(t, n3)
		eventually(t, "the first heartbeat", func() bool { return len(o.heard()) > 0 },
			func() { n1.beat(t, n1.ID().String(), 4, time.Now()) })

		// last is the newest heartbeat after this one was sent.
		last := func(n *beatNode, claimed string, term uint64, sent time.Time) Heartbeat {
			t.Helper()
			n.beat(t, claimed, term, sent)
			var h Heartbeat
			eventually(t, "a heartbeat", func() bool {
				heard := o.heard()
				h = heard[len(heard)-1]
				return h.Author == n.ID() && h.Sent.Equal(sent.Round(0))
			}, nil)
			return h
		}
		// A clock that is an hour off is not a reason to doubt.
		for _, tt := range []struct {
			node    *beatNode
			name    string
			claimed string
			skew    time.Duration
		}{
			{n1, "n1", n1.ID().String(), 0},
			{n2, "n2", "n2", time.Hour},
			{n3, "n3", n3.ID().String(), -time.Hour},
			{n1, "n1", "n1", time.Minute},
		} {
			before, sent := time.Now(), time.Now().Add(tt.skew).UTC()
			h := last(tt.node, tt.claimed, 5, sent)
			if h.Node != tt.name || h.Term != 5 || h.Uptime != 90*time.Second {
				t.Errorf("heard %+v of %s", h, tt.name)
			}
			if h.Received.Before(before) || h.Received.After(time.Now()) {
				t.Errorf("received at %v, sent after %v", h.Received, before)
			}
		}

		count := len(o.heard())
		for _, tt := range []struct {
			reason string
			node   *beatNode
			data   []byte
		}{
			{RefusedAuthor, stranger, beatData(stranger.ID().String(), 9, time.Now())},
			{RefusedAuthor, stranger, beatData(n1.ID().String(), 9, time.Now())},
			{RefusedMismatch, n2, beatData(n1.ID().String(), 9, time.Now())},
			{RefusedMismatch, n2, beatData("n1", 9, time.Now())},
			{RefusedMalformed, n2, []byte(`{"node_id":"n2"`)},
			{RefusedOversize, n2, append(beatData("n2", 9, time.Now()), strings.Repeat(" ", MaxHeartbeatBytes)...)},
			{RefusedClock, n2, beatData("n2", 9, time.Now().Add(3*time.Hour))},
			{RefusedClock, n2, beatData("n2", 9, time.Now().Add(-3*time.Hour))},
			{RefusedReplay, n2, beatData("n2", 5, time.Now())}, // its last was sent an hour ahead
		} {
			before := o.refusals(tt.reason)
			must(t, tt.node.topic.Publish(t.Context(), tt.data))
			eventually(t, tt.reason, func() bool { return o.refusals(tt.reason) > before }, nil)
		}
		last(n3, "n3", 5, time.Now().UTC())
		if heard := o.heard(); len(heard) != count+1 {
			t.Errorf("%d heartbeats, want %d: a refused one came through: %+v", len(heard), count+1, heard[count:])
		}
	})
}

// TestHeartbeatsForged attacks as a neighbour that says what it likes.
func TestHeartbeatsForged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leader, attacker := newBeatHost(t), newBeatHost(t)
		id := leader.ID()
		o := observe(t, HeartbeatOptions{Authors: map[peer.ID]string{id: "leader"}})
		o.connect(t, attacker)
		now := time.Now()
		data := func(sent time.Time) []byte { return beatData("leader", 4, sent) }

		// A relay may bring what the leader signed, whoever it is.
		old := signed(t, id, leader.key, seqno(), data(now.Add(-time.Minute)))
		attacker.send(t, o.ID(), signed(t, id, leader.key, seqno(), data(now)))
		eventually(t, "the genuine heartbeat", func() bool { return len(o.heard()) == 1 }, nil)

		wrongKey := signed(t, id, attacker.key, seqno(), data(now.Add(1)))
		ownKey := signed(t, id, attacker.key, seqno(), data(now.Add(2)))
		var err error
		ownKey.Key, err = attacker.key.GetPublic().Raw()
		must(t, err)
		unsigned := signed(t, id, leader.key, seqno(), data(now.Add(3)))
		unsigned.Signature = nil
		tampered := signed(t, id, leader.key, seqno(), data(now.Add(4)))
		tampered.Data = data(now.Add(5))
		renumbered := signed(t, id, leader.key, seqno(), data(now))
		renumbered.Seqno = seqno()
		long := signed(t, id, leader.key, make([]byte, 400<<10), data(now.Add(6)))
		own := signed(t, attacker.ID(), attacker.key, seqno(), data(now.Add(7)))
		other := signed(t, id, leader.key, seqno(), data(now.Add(8)))
		other.Topic = nil

		attacker.send(t, o.ID(), wrongKey, ownKey, unsigned, tampered, renumbered, old, long, own, other)
		for reason, want := range map[string]int{
			RefusedSignature: 5, RefusedReplay: 1, RefusedMalformed: 1, RefusedAuthor: 1,
		} {
			eventually(t, reason, func() bool { return o.refusals(reason) == want }, nil)
		}
		if heard := o.heard(); len(heard) != 1 {
			t.Errorf("%d heartbeats, want 1: %+v", len(heard), heard)
		}
	})
}

// TestHeartbeatsFlood: not one of the leader's heartbeats is lost while a neighbour sends whatever it can, in the name of
// strangers and in that of the leader.
func TestHeartbeatsFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const genuine, junk = 15, 40_000 // the former under the burst: a busy machine may see them all at once
		leader, attacker := newBeatHost(t).join(t).subscribe(t), newBeatHost(t)
		o := observe(t, HeartbeatOptions{Authors: map[peer.ID]string{leader.ID(): "leader"}})
		o.connect(t, leader)
		o.connect(t, attacker)
		eventually(t, "the first heartbeat", func() bool { return len(o.heard()) > 0 },
			func() { leader.beat(t, "leader", 1, time.Now()) })
		time.Sleep(3 * time.Second) // what the tries above took of the leader's rate comes back
		before := len(o.heard())

		strange := signed(t, attacker.ID(), attacker.key, seqno(), beatData("leader", 9, time.Now()))
		forged := signed(t, leader.ID(), attacker.key, seqno(), beatData("leader", 9, time.Now()))
		batch := slices.Repeat([]*pubsubpb.Message{strange, forged}, 100)
		flooded := make(chan error, 1)
		go func() {
			var err error
			for i := 0; i < junk && err == nil; i += len(batch) {
				err = attacker.write(t.Context(), o.ID(), batch)
			}
			flooded <- err
		}()
		for range genuine {
			leader.beat(t, "leader", 2, time.Now())
			time.Sleep(50 * time.Millisecond)
		}
		must(t, <-flooded)
		eventually(t, "every heartbeat of the leader", func() bool { return len(o.heard()) == before+genuine }, nil)
		refused := func() int { return o.refusals(RefusedAuthor) + o.refusals(RefusedRate) + o.refusals(RefusedSignature) }
		eventually(t, "every message of the attacker to be counted", func() bool { return refused() == junk }, nil)
		if checked := o.refusals(RefusedSignature); checked > junk/100 {
			t.Errorf("%d of %d forged messages came as far as a check of their signature", checked, junk/2)
		}
	})
}

// TestHeartbeatsOnNode observes from within a node of the cluster, which must go on relaying what it would without.
func TestHeartbeatsOnNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stranger, member, far := newBeatHost(t).join(t).subscribe(t), newBeatHost(t).join(t).subscribe(t), newBeatHost(t).join(t).subscribe(t)
		o := &observed{beatNode: member, refused: map[string]int{}}
		o.start(t, HeartbeatOptions{Joined: member.topic, Authors: map[peer.ID]string{member.ID(): "member", far.ID(): "far"}})
		member.connect(t, stranger)
		member.connect(t, far)

		relayed := make(chan struct{})
		go func() {
			for {
				m, err := far.sub.Next(t.Context())
				if err != nil || m.GetFrom() == stranger.ID() {
					close(relayed)
					return
				}
			}
		}()
		eventually(t, "relay of a stranger's message", func() bool {
			select {
			case <-relayed:
				return true
			default:
				return false
			}
		}, func() { stranger.beat(t, "stranger", 1, time.Now()) })
		eventually(t, "refusal of the stranger", func() bool { return o.refusals(RefusedAuthor) > 0 }, nil)
		eventually(t, "the heartbeat of the node itself", func() bool { return len(o.heard()) > 0 },
			func() { member.beat(t, "member", 2, time.Now()) })
		eventually(t, "the heartbeat of another", func() bool {
			heard := o.heard()
			return heard[len(heard)-1].Node == "far"
		}, func() { far.beat(t, "far", 3, time.Now()) })
	})
}

// TestHeartbeatsRun: it ends with its context and can be run again.
func TestHeartbeatsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newBeatHost(t)
		guard := new(Guard)
		var ps *pubsub.PubSub
		h, err := NewHeartbeats(HeartbeatOptions{
			PubSub:      func(context.Context) (*pubsub.PubSub, error) { return ps, nil },
			Guard:       guard,
			Authors:     map[peer.ID]string{n.ID(): "n1"},
			OnHeartbeat: func(Heartbeat) {},
		})
		must(t, err)
		ps, err = pubsub.NewGossipSub(t.Context(), n, guard.Options()...)
		must(t, err)
		run := func() (stop context.CancelFunc, done chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			done = make(chan error, 1)
			go func() { done <- h.Run(ctx) }()
			eventually(t, "subscription", func() bool { return len(ps.GetTopics()) == 1 }, nil)
			return cancel, done
		}
		for range 2 {
			stop, done := run()
			stop()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
			eventually(t, "end of the subscription", func() bool { return len(ps.GetTopics()) == 0 }, nil)
		}

		h.options.PubSub = func(context.Context) (*pubsub.PubSub, error) { return nil, errors.New("no pubsub") }
		if err := h.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no pubsub") {
			t.Errorf("Run without pubsub: %v", err)
		}
	})
}
