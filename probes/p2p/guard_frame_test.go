package p2p

import (
	"bytes"
	"fmt"
	"testing"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

// testScreen lets the messages of "friend" on the topic "ours" through, and counts what it is told.
type testScreen struct{ asked, over, none int }

func (*testScreen) CanSubscribe(topic string) bool { return topic == "ours" }
func (s *testScreen) surplus(string)               { s.over++ }
func (s *testScreen) empty()                       { s.none++ }

func (s *testScreen) screen(_ peer.ID, m *pb.Message) bool {
	s.asked++
	return m.GetTopic() == "ours" && string(m.GetFrom()) == "friend"
}

// sifted is what is left of an RPC.
func sifted(t testing.TB, rpc *pb.RPC, by screen) *pb.RPC {
	t.Helper()
	raw, err := proto.Marshal(rpc)
	must(t, err)
	kept, err := sift(raw, "hop", by)
	must(t, err)
	left := &pb.RPC{}
	must(t, proto.Unmarshal(kept, left))
	return left
}

func TestSift(t *testing.T) {
	ours, other := proto.String("ours"), proto.String("other")
	genuine := &pb.Message{
		From: []byte("friend"), Data: []byte("data"), Seqno: []byte("seqno"), Topic: ours, Signature: []byte("sig"), Key: []byte("key"),
	}
	sub := &pb.RPC_SubOpts{Subscribe: proto.Bool(true), Topicid: ours, RequestsPartial: proto.Bool(false)}
	px := []*pb.PeerInfo{{PeerID: []byte("victim")}, {}}
	hello := &pb.ControlExtensions{PartialMessages: proto.Bool(true)}
	got := sifted(t, &pb.RPC{
		Subscriptions: []*pb.RPC_SubOpts{{Topicid: other}, sub, {}},
		Publish: []*pb.Message{
			{From: []byte("friend"), Topic: other}, genuine, {From: []byte("stranger"), Topic: ours}, {}, genuine,
		},
		Control: &pb.ControlMessage{
			Ihave:      []*pb.ControlIHave{{TopicID: other, MessageIDs: []string{"a"}}, {TopicID: ours, MessageIDs: []string{"b", "c"}}},
			Iwant:      []*pb.ControlIWant{{MessageIDs: []string{"d"}}},
			Graft:      []*pb.ControlGraft{{TopicID: ours}, {TopicID: other}, {}},
			Prune:      []*pb.ControlPrune{{TopicID: ours, Peers: px, Backoff: proto.Uint64(60)}, {TopicID: other, Peers: px}},
			Idontwant:  []*pb.ControlIDontWant{{MessageIDs: []string{"e"}}},
			Extensions: hello,
		},
		Partial:       &pb.PartialMessagesExtension{TopicID: ours, PartialMessage: []byte("part")},
		TestExtension: &pb.TestExtension{},
	}, &testScreen{})
	want := &pb.RPC{
		Subscriptions: []*pb.RPC_SubOpts{sub},
		Publish:       []*pb.Message{genuine, genuine},
		Control: &pb.ControlMessage{
			Ihave:      []*pb.ControlIHave{{TopicID: ours, MessageIDs: []string{"b", "c"}}},
			Iwant:      []*pb.ControlIWant{{MessageIDs: []string{"d"}}},
			Graft:      []*pb.ControlGraft{{TopicID: ours}},
			Prune:      []*pb.ControlPrune{{TopicID: ours, Backoff: proto.Uint64(60)}},
			Idontwant:  []*pb.ControlIDontWant{{MessageIDs: []string{"e"}}},
			Extensions: hello,
		},
	}
	if !proto.Equal(got, want) {
		t.Errorf("left is\n%v, want\n%v", got, want)
	}
}

// Of everything that is ours, an RPC holds a bounded number.
func TestSiftTooMuch(t *testing.T) {
	ours := proto.String("ours")
	rpc := &pb.RPC{Control: &pb.ControlMessage{}}
	for range 1000 {
		rpc.Subscriptions = append(rpc.Subscriptions, &pb.RPC_SubOpts{Topicid: ours})
		rpc.Publish = append(rpc.Publish, &pb.Message{From: []byte("friend"), Topic: ours})
		rpc.Control.Ihave = append(rpc.Control.Ihave, &pb.ControlIHave{TopicID: ours, MessageIDs: make([]string, 100)})
		rpc.Control.Iwant = append(rpc.Control.Iwant, &pb.ControlIWant{MessageIDs: make([]string, 100)})
		rpc.Control.Graft = append(rpc.Control.Graft, &pb.ControlGraft{TopicID: ours})
	}
	by := &testScreen{}
	got := sifted(t, rpc, by)
	ids := 0
	for _, have := range got.GetControl().GetIhave() {
		ids += len(have.GetMessageIDs())
	}
	for _, want := range got.GetControl().GetIwant() {
		ids += len(want.GetMessageIDs())
	}
	elements := len(got.Control.GetIhave()) + len(got.Control.GetIwant()) + len(got.Control.GetGraft())
	if len(got.Subscriptions) != maxFrameSubs || len(got.Publish) != maxFrameMessages || ids > maxFrameIDs || elements > maxFrameControls {
		t.Errorf("%d subscriptions, %d messages, %d elements with %d ids are left", len(got.Subscriptions), len(got.Publish), elements, ids)
	}
	if by.asked != 1000 || by.over != 1000-maxFrameMessages {
		t.Errorf("asked of %d messages, told of %d that were too many", by.asked, by.over)
	}
}

func TestSiftNoRPC(t *testing.T) {
	for name, raw := range map[string][]byte{
		"ends too soon":           {2<<3 | 2, 5, 1},
		"message ends too soon":   {2<<3 | 2, 2, 1<<3 | 2, 9},
		"topic ends too soon":     {1<<3 | 2, 2, 2<<3 | 2, 9},
		"control ends too soon":   {3<<3 | 2, 2, 1<<3 | 2, 9},
		"element ends too soon":   {3<<3 | 2, 4, 4<<3 | 2, 2, 1<<3 | 2, 9},
		"a group":                 {3, 4},
		"a field of number zero":  {0, 0},
		"a length of ten bytes":   append([]byte{2<<3 | 2}, bytes.Repeat([]byte{0xff}, 11)...),
		"a number that never end": bytes.Repeat([]byte{0xff}, 20),
	} {
		if _, err := sift(raw, "hop", &testScreen{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzSift(f *testing.F) {
	ours := proto.String("ours")
	raw, err := proto.Marshal(&pb.RPC{
		Subscriptions: []*pb.RPC_SubOpts{{Topicid: ours}},
		Publish:       []*pb.Message{{From: []byte("friend"), Topic: ours}, {}},
		Control: &pb.ControlMessage{
			Prune: []*pb.ControlPrune{{TopicID: ours, Peers: []*pb.PeerInfo{{}}}}, Ihave: []*pb.ControlIHave{{TopicID: ours}},
		},
	})
	must(f, err)
	f.Add(raw)
	f.Add([]byte{3<<3 | 2, 0x80, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole := &pb.RPC{}
		bad := proto.Unmarshal(raw, whole)
		size := len(raw)
		kept, err := sift(raw, "hop", &testScreen{})
		if err != nil || bad != nil {
			return
		}
		left := &pb.RPC{}
		if err := proto.Unmarshal(kept, left); err != nil || len(kept) > size {
			t.Fatalf("%d of %d bytes are left: %v", len(kept), size, err)
		}
		for _, m := range left.Publish {
			if m.GetTopic() != "ours" || string(m.From) != "friend" {
				t.Errorf("left over: %v", m)
			}
		}
		for _, p := range left.GetControl().GetPrune() {
			if len(p.Peers) > 0 || p.GetTopicID() != "ours" {
				t.Errorf("left over: %v", p)
			}
		}
	})
}

func BenchmarkSift(b *testing.B) {
	for name, from := range map[string]string{"strangers": "stranger", "friends": "friend"} {
		b.Run(name, func(b *testing.B) {
			rpc := &pb.RPC{}
			for i := range 1000 {
				rpc.Publish = append(rpc.Publish, &pb.Message{
					From: []byte(from), Topic: proto.String("ours"), Seqno: fmt.Appendf(nil, "%08d", i), Signature: make([]byte, 64),
				})
			}
			raw, err := proto.Marshal(rpc)
			must(b, err)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := sift(bytes.Clone(raw), "hop", &testScreen{})
				must(b, err)
			}
		})
	}
}
