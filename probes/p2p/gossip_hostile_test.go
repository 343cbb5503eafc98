package p2p

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"

	"chorus/probes"
)

// gossipRelay connects two clusters that have no other link: what change makes of a message that came to one node goes out
// from another, in the name that author says.
func gossipRelay(t *testing.T, from, to *gossipNode, sub *pubsub.Subscription, author []pubsub.PubOpt,
	change func([]byte) []byte,
) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := sub.Next(ctx)
			if err != nil {
				return
			}
			if data := change(m.GetData()); data != nil {
				_ = to.topic.Publish(ctx, data, author...)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// splitSwarm is two nodes that are not connected, one for each leg.
func splitSwarm(t *testing.T) (x, y *gossipNode, sub *pubsub.Subscription, a, b *gossipTestLeg) {
	t.Helper()
	x, y = newGossipNode(t), newGossipNode(t)
	sub = x.join(t)
	y.join(t)
	return x, y, sub, newGossipTestLeg(t, "gossip-a", x), newGossipTestLeg(t, "gossip-b", y)
}

// Nobody else's message passes, though it has the nonce, or every byte, of ours.
func TestGossipInjection(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"all of it, another author":       func(d []byte) []byte { return d },
		"the same nonce, another content": func(d []byte) []byte { d = append([]byte{}, d...); d[40] ^= 1; return d },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, y, sub, a, b := splitSwarm(t)
				gossipRelay(t, x, y, sub, nil, change)
				g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = time.Second })
				runGossip(t, g, probes.ReasonTimeout)
				if n := testutil.ToFloat64(g.metrics.integrity); n != 0 {
					t.Errorf("%v integrity failures: any stranger could cause them", n)
				}
			})
		})
	}
}

// A relay that alters messages can't sign them. With our own key it could: then the change is noticed.
func TestGossipChangedMessage(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]byte) []byte
		reason probes.Reason
	}{
		"unchanged":        {func(d []byte) []byte { return d }, ""},
		"one bit":          {func(d []byte) []byte { d[len(d)-1] ^= 1; return d }, probes.ReasonIntegrity},
		"another kind":     {func(d []byte) []byte { d[4] = 77; return d }, probes.ReasonIntegrity},
		"cut short":        {func(d []byte) []byte { return d[:40] }, probes.ReasonIntegrity},
		"something behind": {func(d []byte) []byte { return append(d, "more"...) }, probes.ReasonIntegrity},
		"another nonce":    {func(d []byte) []byte { d[8] ^= 1; return d }, probes.ReasonTimeout},
		"far too long":     {func(d []byte) []byte { return append(d, make([]byte, 4096)...) }, probes.ReasonTimeout},
		"swallowed":        {func([]byte) []byte { return nil }, probes.ReasonTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, y, sub, a, b := splitSwarm(t)
				key := a.Peerstore().PrivKey(a.ID())
				gossipRelay(t, x, y, sub, []pubsub.PubOpt{pubsub.WithSecretKeyAndPeerId(key, a.ID())},
					func(d []byte) []byte { return c.change(append([]byte{}, d...)) })
				g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Wait = time.Second })
				runGossip(t, g, c.reason)
				want := 0.
				if c.reason == probes.ReasonIntegrity {
					want = 1
				}
				if n := testutil.ToFloat64(g.metrics.integrity); n != want {
					t.Errorf("%v integrity failures, want %v", n, want)
				}
			})
		})
	}
}

// Junk from a connection that is allowed, as fast as it goes: on the real clock.
func TestGossipFlood(t *testing.T) {
	noGossipLeaks(t)
	nodes := gossipCluster(t, 2, true)
	attacker := gossipHost(t, true)
	a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1], attacker)
	friend := gossipHost(t, false).ID() // an exporter in whose name somebody signs wrongly
	g := relayedGossip(t, a, b, func(o *GossipOptions) {
		o.Answer.Exporters, o.Wait = []peer.ID{friend}, patience
	})
	for range 5 { // a mesh that was just made may lose a message, flood or not
		runGossip(t, g, "")
	}
	frames := gossipJunk(t, attacker.ID(), friend, a.ID())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var sent atomic.Int64
	go func() {
		defer close(done)
		s, err := attacker.NewStream(ctx, b.ID(), pubsub.GossipSubID_v11)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Reset()
		stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
		defer stop()
		// As fast as the stream takes them there would be no CPU left for the nodes of this test.
		for pace := time.NewTicker(time.Millisecond); ; <-pace.C {
			for range 2 {
				if _, err := s.Write(frames[int(sent.Load()/gossipJunkSize)%len(frames)]); err != nil {
					pace.Stop()
					return
				}
				sent.Add(gossipJunkSize)
			}
		}
	}()
	becomes(t, "the flood is on", func() bool { return sent.Load() > 10_000 })
	for range 50 { // not one message is lost
		if res := runGossip(t, g, ""); res.Details["try"] != 1 {
			t.Errorf("details %v", res.Details)
		}
	}
	t.Logf("%d junk messages", sent.Load())
	cancel()
	<-done
}

// gossipJunkSize is how many messages a frame of gossipJunk holds.
const gossipJunkSize = 64

// gossipJunk is frames of messages by some authors in turn, badly signed or too long, made beforehand to be sent quickly.
func gossipJunk(t *testing.T, authors ...peer.ID) (frames [][]byte) {
	t.Helper()
	for i := range 16 {
		rpc := &pb.RPC{}
		for j := range gossipJunkSize {
			data := newGossipMessage(gossipPing, 0, 3, gossipNonce{byte(j)}, uint64(i)).encode()
			if j%4 == 3 {
				data = make([]byte, 2*maxGossipData)
			}
			rpc.Publish = append(rpc.Publish, &pb.Message{
				From: []byte(authors[j%4%len(authors)]), Data: data, Seqno: fmt.Appendf(nil, "%08d", i*gossipJunkSize+j),
				Topic: proto.String(DefaultGossipTopic), Signature: make([]byte, 64),
			})
		}
		body, err := proto.Marshal(rpc)
		gossipMust(t, err)
		frames = append(frames, append(protoVarint(len(body)), body...))
	}
	return frames
}

func protoVarint(n int) (b []byte) {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// A node on many topics says so in one RPC: a limit would make us deaf to it. And what we are not on takes no memory.
func TestGossipNodeOnManyTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newGossipNode(t)
		for i := range 300 {
			topic, err := node.ps.Join(fmt.Sprint("application/", i))
			gossipMust(t, err)
			_, err = topic.Relay()
			gossipMust(t, err)
		}
		node.join(t)
		g := relayedGossip(t, newGossipTestLeg(t, "gossip-a", node), newGossipTestLeg(t, "gossip-b", node))
		runGossip(t, g, "")
		ps, err := g.Receiver(t.Context())
		gossipMust(t, err)
		if n := len(ps.ListPeers("application/1")); n != 0 {
			t.Errorf("%d peers kept of a topic that is not ours", n)
		}
	})
}

// What else we hear of goes through the Guard.
func TestGossipGuardedTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		a, b := newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1])
		guard := new(Guard)
		gossipMust(t, guard.Allow("heartbeats", TopicPolicy{Authors: []peer.ID{nodes[0].ID()}, MaxBytes: 10}))
		g := relayedGossip(t, a, b, func(o *GossipOptions) { o.Guard = guard })
		ps, err := g.Receiver(t.Context())
		gossipMust(t, err)
		sub, err := ps.Subscribe("heartbeats") //nolint:staticcheck // the short form
		gossipMust(t, err)
		if _, err := ps.Subscribe("others"); err == nil { //nolint:staticcheck // the short form
			t.Error("a topic that the guard does not know can be subscribed to")
		}
		topics := make([]*pubsub.Topic, len(nodes))
		for i, n := range nodes {
			topics[i], err = n.ps.Join("heartbeats")
			gossipMust(t, err)
			_, err = topics[i].Relay()
			gossipMust(t, err)
		}
		time.Sleep(4 * gossipBeat)
		runGossip(t, g, "")
		gossipMust(t, topics[1].Publish(t.Context(), []byte("stranger")))
		gossipMust(t, topics[0].Publish(t.Context(), []byte(strings.Repeat("long", 9))))
		gossipMust(t, topics[0].Publish(t.Context(), []byte("leader")))
		m, err := sub.Next(t.Context())
		gossipMust(t, err)
		if string(m.Data) != "leader" {
			t.Errorf("heard %q", m.Data)
		}
	})
}

func TestGossipInspector(t *testing.T) {
	node, author, self, publisher, exporter, stranger := peer.ID("node"), peer.ID("author"), peer.ID("self"),
		peer.ID("publisher"), peer.ID("exporter"), peer.ID("stranger")
	e := newGossipExpect(GossipRelayed, 1, func() {})
	probe := e.next(0)
	ping := newGossipMessage(gossipPing, 0, 3, gossipNonce{1}, 1).encode()
	other := newGossipMessage(gossipProbe, 0, 0, gossipNonce{1}, 1).encode()
	msg := func(from peer.ID, data []byte) *pb.Message {
		return &pb.Message{From: []byte(from), Data: data, Seqno: make([]byte, 8), Topic: proto.String("t")}
	}
	with := func(m *pb.Message, change func(*pb.Message)) *pb.Message { change(m); return m }
	for name, c := range map[string]struct {
		hop  peer.ID
		m    *pb.Message
		none bool // no run
		want bool
	}{
		"our message":             {m: msg(author, probe), want: true},
		"without a run":           {m: msg(author, probe), none: true},
		"straight from the leg":   {hop: publisher, m: msg(author, probe)},
		"of another run":          {m: msg(author, other)},
		"changed":                 {m: msg(author, append([]byte("x"), probe...)), want: true},
		"changed and long":        {m: msg(author, append(make([]byte, 1000), probe...))},
		"by a stranger":           {m: msg(stranger, probe)},
		"by an exporter":          {m: msg(exporter, probe)},
		"ping of an exporter":     {m: msg(exporter, ping), want: true},
		"ping of a stranger":      {m: msg(stranger, ping)},
		"ping in our own name":    {m: msg(self, ping)},
		"ping of our other leg":   {m: msg(author, ping)},
		"junk of an exporter":     {m: msg(exporter, []byte("junk"))},
		"no author":               {m: msg("", ping)},
		"another topic":           {m: with(msg(author, probe), func(m *pb.Message) { m.Topic = proto.String("u") })},
		"no topic":                {m: with(msg(author, probe), func(m *pb.Message) { m.Topic = nil })},
		"long sequence number":    {m: with(msg(author, probe), func(m *pb.Message) { m.Seqno = make([]byte, 9) })},
		"long signature":          {m: with(msg(author, probe), func(m *pb.Message) { m.Signature = make([]byte, 1025) })},
		"long key":                {m: with(msg(author, probe), func(m *pb.Message) { m.Key = make([]byte, 1025) })},
		"empty message of nobody": {m: &pb.Message{}},
	} {
		t.Run(name, func(t *testing.T) {
			in := &gossipInspector{
				topic: "t", self: self, publisher: publisher, author: author, signed: true,
				exporter: func(id peer.ID) bool { return id == exporter || id == self }, rates: newRates(gossipRate, gossipBurst),
			}
			if !c.none {
				in.run.Store(e)
			}
			if c.hop == "" {
				c.hop = node
			}
			clear(e.admitted)
			rpc := &pubsub.RPC{RPC: pb.RPC{Publish: []*pb.Message{c.m}}}
			gossipMust(t, in.inspect(c.hop, rpc))
			if got := len(rpc.Publish) == 1; got != c.want {
				t.Errorf("admitted %v, want %v", got, c.want)
			}
		})
	}
	in := &gossipInspector{topic: "t", author: author, signed: true}
	in.run.Store(e)
	clear(e.admitted)
	rpc := &pubsub.RPC{RPC: pb.RPC{Control: &pb.ControlMessage{Prune: []*pb.ControlPrune{{Peers: []*pb.PeerInfo{{}}}}}}}
	for range 100 {
		rpc.Publish = append(rpc.Publish, msg(author, probe))
	}
	gossipMust(t, in.inspect(node, rpc))
	if len(rpc.Publish) != maxGossipCopies {
		t.Errorf("%d copies from one neighbour admitted", len(rpc.Publish))
	}
	if rpc.Control.Prune[0].Peers != nil {
		t.Error("peer exchange is let through")
	}
	if got := in.heard.Load(); got != 1 {
		t.Errorf("heard %d", got)
	}
}

func TestGossipMessageID(t *testing.T) {
	m := &pb.Message{From: make([]byte, 38), Seqno: make([]byte, 8)}
	if gossipMessageID(m) != pubsub.DefaultMsgIdFn(m) {
		t.Error("an honest message does not have the id that the cluster gives it")
	}
	m.Seqno = make([]byte, 1<<20)
	if n := len(gossipMessageID(m)); n != 32 {
		t.Errorf("an id of %d bytes", n)
	}
}

func FuzzParseGossip(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(newGossipMessage(gossipPing, 1, 3, gossipNonce{1, 2}, 7).encode())
	f.Add(newGossipMessage(gossipPing, 1, 3, gossipNonce{1, 2}, 7).pong().encode())
	junk := make([]byte, gossipSize)
	_, _ = rand.Read(junk)
	f.Add(junk)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, ok := parseGossip(data)
		if ok && string(m.encode()) != string(data) {
			t.Errorf("%x is read as %+v", data, m)
		}
	})
}
