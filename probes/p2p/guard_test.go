package p2p

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

func guardMessage(topic, author string, data, seqno int) *pubsubpb.Message {
	return &pubsubpb.Message{
		Topic: proto.String(topic), From: []byte(author), Data: make([]byte, data), Seqno: make([]byte, seqno),
	}
}

// TestGuardInspect: of one RPC passes what may, in its order, and the rest is counted by topic.
func TestGuardInspect(t *testing.T) {
	var g Guard
	refused := map[string]int{}
	allow := func(topic string, authors ...peer.ID) {
		t.Helper()
		must(t, g.Allow(topic, TopicPolicy{
			Authors: authors, MaxBytes: 100, Burst: 3, OnRefused: func(reason string) { refused[topic+" "+reason]++ },
		}))
	}
	allow("beats", "leader", "second")
	allow("probes", "prober")
	if g.Admit("hop", guardMessage("other", "leader", 1, 8)) || g.Allowed("other") {
		t.Error("a topic that nobody allowed is let through")
	}

	passes := []*pubsubpb.Message{
		guardMessage("beats", "leader", 100, 8), guardMessage("probes", "prober", 0, 8), guardMessage("beats", "second", 1, 0),
	}
	rpc := &pubsub.RPC{RPC: pubsubpb.RPC{
		Publish: []*pubsubpb.Message{
			guardMessage("other", "leader", 1, 8),
			passes[0],
			guardMessage("beats", "leader", 101, 8),
			guardMessage("beats", "prober", 1, 8),
			guardMessage("beats", strings.Repeat("x", 1<<20), 1, 8),
			passes[1],
			guardMessage("beats", "leader", 1, 9),
			guardMessage("probes", "", 1, 8),
			passes[2],
		},
		Control: &pubsubpb.ControlMessage{Prune: []*pubsubpb.ControlPrune{{
			TopicID: proto.String("beats"), Peers: []*pubsubpb.PeerInfo{{PeerID: []byte("victim")}},
		}}},
	}}
	must(t, g.inspect("hop", rpc))
	if len(rpc.Publish) != len(passes) {
		t.Fatalf("%d messages pass, want %d", len(rpc.Publish), len(passes))
	}
	for i, m := range rpc.Publish {
		if m != passes[i] {
			t.Errorf("message %d is %v", i, m)
		}
	}
	if px := rpc.Control.Prune[0].Peers; len(px) > 0 {
		t.Errorf("peer exchange %v is let through", px)
	}
	want := map[string]int{"beats oversize": 1, "beats unknown_author": 2, "beats malformed": 1, "probes unknown_author": 1}
	if !maps.Equal(refused, want) {
		t.Errorf("refused %v, want %v", refused, want)
	}

	allow("beats", "third")
	if g.Admit("hop", guardMessage("beats", "leader", 1, 8)) || !g.Admit("hop", guardMessage("beats", "third", 1, 8)) {
		t.Error("an Allow did not replace the one before")
	}
	g.Deny("beats")
	if g.Admit("hop", guardMessage("beats", "third", 1, 8)) || !g.Admit("hop", guardMessage("probes", "prober", 1, 8)) {
		t.Error("Deny did not end one topic alone")
	}
	for name, p := range map[string]TopicPolicy{"": {MaxBytes: 1}, "size": {}, "rate": {MaxBytes: 1, PerSecond: -1}} {
		if err := g.Allow(name, p); err == nil {
			t.Errorf("topic %q: %+v is allowed", name, p)
		}
	}
}

// TestGuardRates: one neighbour can't use up what another brings of the same author.
func TestGuardRates(t *testing.T) {
	r := newRates(10, 3)
	now := time.Now()
	granted := func(hop, author peer.ID, times int) (n int) {
		for range times {
			if r.take(hop, author, now) {
				n++
			}
		}
		return n
	}
	for i, tt := range []struct {
		after       time.Duration
		hop, author peer.ID
		want        int // of 1000
	}{
		{0, "a", "leader", 3},
		{0, "a", "leader", 0},
		{0, "b", "leader", 3},
		{0, "a", "second", 3},
		{250 * time.Millisecond, "a", "leader", 2},
		{time.Hour, "a", "leader", 3},
	} {
		now = now.Add(tt.after)
		if got := granted(tt.hop, tt.author, 1000); got != tt.want {
			t.Errorf("step %d: %d granted, want %d", i, got, tt.want)
		}
	}
	for i := range 3 * maxRoutes {
		r.take(peer.ID(fmt.Sprint(i)), "leader", now)
	}
	if len(r.buckets) > maxRoutes {
		t.Errorf("%d buckets", len(r.buckets))
	}
}

// TestGuardSubscriptions: what a neighbour announces beside what is allowed takes no memory, however much it is.
func TestGuardSubscriptions(t *testing.T) {
	var g Guard
	must(t, g.Allow("beats", TopicPolicy{MaxBytes: 1}))
	subs := []*pubsubpb.RPC_SubOpts{{Topicid: proto.String("beats"), Subscribe: proto.Bool(true)}}
	for i := range 100_000 {
		subs = append(subs, &pubsubpb.RPC_SubOpts{Topicid: proto.String(fmt.Sprint(i)), Subscribe: proto.Bool(true)})
	}
	got, err := topicFilter{&g}.FilterIncomingSubscriptions("hop", subs)
	if err != nil || len(got) != 1 || got[0].GetTopicid() != "beats" {
		t.Errorf("%d of %d subscriptions are left: %v", len(got), len(subs), err)
	}
}

func BenchmarkGuardInspect(b *testing.B) {
	var g Guard
	must(b, g.Allow("beats", TopicPolicy{Authors: []peer.ID{"leader"}, MaxBytes: 100}))
	for name, author := range map[string]string{"stranger": "stranger", "leader": "leader"} {
		b.Run(name, func(b *testing.B) {
			m := guardMessage("beats", author, 1, 8)
			rpc := &pubsub.RPC{RPC: pubsubpb.RPC{Publish: make([]*pubsubpb.Message, 1)}}
			b.ReportAllocs()
			for b.Loop() {
				rpc.Publish = append(rpc.Publish[:0], m)
				must(b, g.inspect("hop", rpc))
			}
		})
	}
}
