package devnet

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const (
	// batchSize is how many messages an RPC of junk holds.
	batchSize = 250
	// rawJunkSize is the length of one of them, in bytes.
	rawJunkSize = 64
	// batchPatience is how long a peer has to take a batch. Who does not loses its stream.
	batchPatience = 5 * time.Second
)

// batches are RPCs of junk, encoded once: signing each message would take a thousand times as long. Half of it is by nobody
// known, half in the name of the node; none is signed as it should be.
type batches struct {
	topics []string
	self   peer.ID
	made   [][]byte // when first asked for
	turn   int
}

func newBatches(topics []string, self peer.ID) *batches { return &batches{topics: topics, self: self} }

// next is the next batch, with its length before it. Nobody may change it.
func (b *batches) next() []byte {
	for len(b.made) < 4 {
		b.made = append(b.made, b.make())
	}
	b.turn++
	return b.made[b.turn%len(b.made)]
}

func (b *batches) make() []byte {
	rpc := &pubsubpb.RPC{}
	for i := range batchSize {
		random := make([]byte, 32+8+64+rawJunkSize)
		_, _ = rand.Read(random) // never fails
		author := []byte(b.self)
		if i%2 == 0 {
			author = append([]byte{0x12, 32}, random[:32]...) // the peer id of an unknown key
		}
		rpc.Publish = append(rpc.Publish, &pubsubpb.Message{
			From: author, Seqno: random[32:40], Signature: random[40:104], Data: random[104:],
			Topic: proto.String(b.topics[i/2%len(b.topics)]),
		})
	}
	body, err := proto.Marshal(rpc)
	if err != nil {
		panic(err) // the topics are not UTF-8, and none was joined then
	}
	return append(protowire.AppendVarint(nil, uint64(len(body))), body...)
}

// pour writes junk beyond what can be signed, until ctx is done.
func (n *node) pour(ctx context.Context) {
	b := newBatches(append([]string{n.config.HeartbeatTopic}, n.config.Topics...), n.host.ID())
	n.flood.raw.run(ctx, batchSize, func() { n.pourBatch(ctx, b.next()) })
}

// pourBatch writes a batch to every peer that only listens: that is none of the swarm's nodes, each of which is on the topic
// of announcements. Nodes would turn it away as well, but the machine that runs all of them would measure itself.
func (n *node) pourBatch(ctx context.Context, batch []byte) {
	nodes := n.topics.members.ListPeers()
	for p, s := range n.writers.all() {
		if !slices.Contains(nodes, p) {
			s.inject(ctx, batch)
		}
	}
}
