package devnet

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"io"
	"sync/atomic"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

// listener speaks GossipSub as far as to be sent heartbeats, and counts heartbeats and unsigned junk.
type listener struct{ junk, beats atomic.Int64 }

// overhear connects one to a node, until the end of the test.
func overhear(t *testing.T, to peer.AddrInfo) *listener {
	t.Helper()
	key, err := identity(rand.Text(), 0)
	must(t, err)
	h, err := newHost(key, 0, &gate{}, &link{})
	must(t, err)
	t.Cleanup(func() { h.Close() })
	l := &listener{}
	h.SetStreamHandler(pubsub.GossipSubID_v11, func(s network.Stream) {
		defer s.Reset()
		for in := bufio.NewReader(s); ; {
			if err := l.take(in); err != nil {
				return
			}
		}
	})
	must(t, h.Connect(t.Context(), to))
	s, err := h.NewStream(t.Context(), to.ID, pubsub.GossipSubID_v11)
	must(t, err)
	topic := proto.String(DefaultHeartbeatTopic)
	body, err := proto.Marshal(&pubsubpb.RPC{
		Subscriptions: []*pubsubpb.RPC_SubOpts{{Subscribe: proto.Bool(true), Topicid: topic}},
		Control:       &pubsubpb.ControlMessage{Graft: []*pubsubpb.ControlGraft{{TopicID: topic}}},
	})
	must(t, err)
	_, err = s.Write(append(binary.AppendUvarint(nil, uint64(len(body))), body...))
	must(t, err)
	return l
}

// take reads one RPC. That it can be read shows that those of GossipSub and those of a flood do not mix.
func (l *listener) take(in *bufio.Reader) error {
	size, err := binary.ReadUvarint(in)
	if err != nil {
		return err
	}
	body := make([]byte, min(size, 1<<20))
	if _, err := io.ReadFull(in, body); err != nil {
		return err
	}
	rpc := &pubsubpb.RPC{}
	if err := proto.Unmarshal(body, rpc); err != nil {
		return err
	}
	for _, m := range rpc.Publish {
		var h Heartbeat
		switch {
		case json.Unmarshal(m.GetData(), &h) == nil && h.NodeID != "":
			l.beats.Add(1)
		case len(m.GetData()) == rawJunkSize:
			l.junk.Add(1)
		}
	}
	return nil
}
