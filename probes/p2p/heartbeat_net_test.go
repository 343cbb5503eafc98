package p2p

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

// beatNode is a node of a cluster: a host and, unless it is an attacker, its pubsub.
type beatNode struct {
	host.Host
	key    crypto.PrivKey
	ps     *pubsub.PubSub
	topic  *pubsub.Topic
	sub    *pubsub.Subscription
	stream network.Stream // of an attacker
}

// newBeatHost is a host that listens on loopback, until the end of the test.
func newBeatHost(t testing.TB) *beatNode {
	t.Helper()
	h := testHost(t, true, nil)
	return &beatNode{Host: h, key: h.Peerstore().PrivKey(h.ID())}
}

// join gives the node a pubsub with options.
func (n *beatNode) join(t testing.TB, options ...pubsub.Option) *beatNode {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ps, err := pubsub.NewGossipSub(ctx, n, options...)
	must(t, err)
	n.ps = ps
	return n
}

// subscribe puts the node on the topic of heartbeats.
func (n *beatNode) subscribe(t testing.TB) *beatNode {
	t.Helper()
	var err error
	n.topic, err = n.ps.Join(DefaultHeartbeatTopic)
	must(t, err)
	n.sub, err = n.topic.Subscribe()
	must(t, err)
	return n
}

func (n *beatNode) connect(t testing.TB, to *beatNode) {
	t.Helper()
	must(t, n.Connect(t.Context(), peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()}))
}

// beat publishes a heartbeat.
func (n *beatNode) beat(t testing.TB, node string, term uint64, sent time.Time) {
	t.Helper()
	must(t, n.topic.Publish(t.Context(), beatData(node, term, sent)))
}

func beatData(node string, term uint64, sent time.Time) []byte {
	return fmt.Appendf(nil, `{"node_id":%q,"term":%d,"uptime":"90s","timestamp":%q}`,
		node, term, sent.UTC().Format(time.RFC3339Nano))
}

// signed is a heartbeat as its author makes it. Another key makes it a forgery.
func signed(t testing.TB, author peer.ID, key crypto.PrivKey, seqno, data []byte) *pubsubpb.Message {
	t.Helper()
	return signedOn(t, DefaultHeartbeatTopic, author, key, seqno, data)
}

// signedOn is a message on a topic.
func signedOn(t testing.TB, topic string, author peer.ID, key crypto.PrivKey, seqno, data []byte) *pubsubpb.Message {
	t.Helper()
	m := &pubsubpb.Message{From: []byte(author), Data: data, Seqno: seqno, Topic: proto.String(topic)}
	raw, err := proto.Marshal(m)
	must(t, err)
	m.Signature, err = key.Sign(append([]byte(pubsub.SignPrefix), raw...))
	must(t, err)
	return m
}

var seqnos uint64

// seqno is a new one. Tests that use it do not run in parallel.
func seqno() []byte {
	seqnos++
	return binary.BigEndian.AppendUint64(nil, seqnos)
}

// send writes messages to a node as a neighbour does, without any of the checks that pubsub makes at the source.
func (n *beatNode) send(t testing.TB, to peer.ID, messages ...*pubsubpb.Message) {
	t.Helper()
	must(t, n.write(t.Context(), to, messages))
}

func (n *beatNode) write(ctx context.Context, to peer.ID, messages []*pubsubpb.Message) (err error) {
	if n.stream == nil {
		if n.stream, err = n.NewStream(ctx, to, pubsub.GossipSubID_v11); err != nil {
			return err
		}
	}
	raw, err := proto.Marshal(&pubsubpb.RPC{Publish: messages})
	if err == nil {
		_, err = n.stream.Write(append(binary.AppendUvarint(nil, uint64(len(raw))), raw...))
	}
	return err
}

// observed is what an observer heard.
type observed struct {
	*beatNode
	watch *Heartbeats

	mu      sync.Mutex
	beats   []Heartbeat
	refused map[string]int
}

// observe runs an observer that believes the authors, behind a Guard, until the end of the test.
func observe(t testing.TB, o HeartbeatOptions) *observed {
	t.Helper()
	n := &observed{beatNode: newBeatHost(t), refused: map[string]int{}}
	o.Guard = new(Guard)
	n.start(t, o)
	return n
}

// start makes the Heartbeats, and a pubsub if there is none, and runs them.
func (n *observed) start(t testing.TB, o HeartbeatOptions) {
	t.Helper()
	o.PubSub = func(context.Context) (*pubsub.PubSub, error) { return n.ps, nil }
	o.OnHeartbeat = func(h Heartbeat) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.beats = append(n.beats, h)
	}
	o.OnRefused = func(reason string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.refused[reason]++
	}
	var err error
	n.watch, err = NewHeartbeats(o)
	must(t, err)
	if n.ps == nil {
		n.join(t, o.Guard.Options()...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.watch.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// heard are the heartbeats so far.
func (n *observed) heard() []Heartbeat {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.beats)
}

// refusals says how many messages were refused for the reason.
func (n *observed) refusals(reason string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refused[reason]
}

// eventually waits until ok, doing again what it takes in between.
func eventually(t testing.TB, what string, ok func() bool, again func()) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		if again != nil {
			again()
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
