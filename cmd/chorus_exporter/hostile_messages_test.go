//go:build e2e

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"chorus/probes/p2p/devnet"
)

// eavesdrop takes down genuine heartbeats, signatures and all.
func eavesdrop(t *testing.T, s *devnet.Swarm, n int) (all []*pubsubpb.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, h := newHost(t, nil)
	ps, err := pubsub.NewGossipSub(ctx, h)
	must(t, err)
	sub, err := ps.Subscribe(devnet.DefaultHeartbeatTopic) //nolint:staticcheck // the short form
	must(t, err)
	for _, node := range s.Infos() {
		must(t, h.Connect(ctx, node))
	}
	for len(all) < n {
		m, err := sub.Next(ctx)
		must(t, err)
		all = append(all, m.Message)
	}
	must(t, h.Close())
	return all
}

// beat is what a heartbeat says.
func beat(node peer.ID, term uint64, at time.Time) []byte {
	return fmt.Appendf(nil, `{"node_id":%q,"term":%d,"uptime":1000000000,"timestamp":%q}`,
		node, term, at.UTC().Format(time.RFC3339Nano))
}

// message is one on the topic of heartbeats in the name of author, signed with a key, or not at all without one.
func message(t *testing.T, author peer.ID, key crypto.PrivKey, data []byte) *pubsubpb.Message {
	t.Helper()
	m := &pubsubpb.Message{
		From: []byte(author), Data: data, Seqno: randomBytes(8), Topic: proto.String(devnet.DefaultHeartbeatTopic),
	}
	if key != nil {
		raw, err := proto.Marshal(m)
		must(t, err)
		m.Signature, err = key.Sign(append([]byte(pubsub.SignPrefix), raw...))
		must(t, err)
	}
	return m
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// lies are messages about who leads, none of which is to be believed. The hostile node is a target, so what it signs in its
// own name is heard, and what it says of others is not.
func (h *hostile) lies(leader peer.ID, genuine *pubsubpb.Message) map[string]*pubsubpb.Message {
	stranger, strangerID := newKey(h.t)
	now := time.Now()
	takeover := beat(leader, 1<<40, now) // would end every other term
	tampered := proto.Clone(genuine).(*pubsubpb.Message)
	tampered.Data = bytes.Replace(tampered.Data, []byte(`"term":`), []byte(`"term":9`), 1)
	longSeqno := message(h.t, h.ID(), h.key, takeover)
	longSeqno.Seqno = make([]byte, 400<<10)
	return map[string]*pubsubpb.Message{
		"forged author":       message(h.t, leader, h.key, takeover),
		"unsigned":            message(h.t, leader, nil, takeover),
		"tampered":            tampered,
		"replayed":            genuine,
		"unknown author":      message(h.t, strangerID, stranger, beat(strangerID, 1<<40, now)),
		"for somebody else":   message(h.t, h.ID(), h.key, takeover),
		"of another time":     message(h.t, h.ID(), h.key, beat(h.ID(), 1<<40, now.Add(24*time.Hour))),
		"malformed":           message(h.t, h.ID(), h.key, []byte(`{"node_id":[`)),
		"oversize":            message(h.t, h.ID(), h.key, bytes.Repeat([]byte(" "), 4<<10)),
		"far oversize":        message(h.t, h.ID(), h.key, make([]byte, 900<<10)),
		"long sequence":       longSeqno,
		"forged and oversize": message(h.t, leader, h.key, make([]byte, 900<<10)),
	}
}

// randomTopics announces n topics that nobody has heard of.
func randomTopics(n int) *pubsubpb.RPC {
	rpc := &pubsubpb.RPC{}
	for range n {
		rpc.Subscriptions = append(rpc.Subscriptions, &pubsubpb.RPC_SubOpts{
			Subscribe: proto.Bool(true), Topicid: proto.String(fmt.Sprintf("%x", randomBytes(8))),
		})
	}
	return rpc
}

// peerExchange leaves the mesh of both topics and recommends the victim instead, with records that are signed as they
// should be.
func (h *hostile) peerExchange() *pubsubpb.RPC {
	control := &pubsubpb.ControlMessage{}
	for _, topic := range []string{devnet.DefaultHeartbeatTopic, devnet.DefaultHealthTopic} {
		prune := &pubsubpb.ControlPrune{TopicID: proto.String(topic), Backoff: proto.Uint64(60)}
		for range 16 {
			key, id := newKey(h.t)
			about := peer.PeerRecordFromAddrInfo(peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{h.victim.addr}})
			envelope, err := record.Seal(about, key)
			must(h.t, err)
			signed, err := envelope.Marshal()
			must(h.t, err)
			prune.Peers = append(prune.Peers, &pubsubpb.PeerInfo{PeerID: []byte(id), SignedPeerRecord: signed})
		}
		control.Graft = append(control.Graft, &pubsubpb.ControlGraft{TopicID: proto.String(topic)})
		control.Prune = append(control.Prune, prune)
	}
	return &pubsubpb.RPC{Control: control}
}

// hollow are RPCs that are made to cost a hundred times what they took to send. Pubsub itself bounds all but the data of
// messages to half a MiB.
func hollow() (raw []byte) {
	empty := func(number, n int) []byte { return bytes.Repeat([]byte{byte(number<<3 | 2), 0}, n) }
	inControl := func(body []byte) []byte {
		return append([]byte{3<<3 | 2, byte(len(body)) | 0x80, byte(len(body)>>7) | 0x80, byte(len(body) >> 14)}, body...)
	}
	for range 5 {
		raw = append(raw, frame(empty(1, 260_000))...)            // subscriptions
		raw = append(raw, frame(empty(2, 260_000))...)            // messages
		raw = append(raw, frame(inControl(empty(1, 250_000)))...) // IHAVE
		raw = append(raw, frame(inControl(empty(3, 250_000)))...) // GRAFT
	}
	return raw
}

// broken are what is no RPC, or too large for one.
func broken() [][]byte {
	return [][]byte{
		frame(make([]byte, 3<<20)),    // over every limit
		frame(randomBytes(1000)),      // not an RPC
		frame([]byte{2<<3 | 2, 0x7f}), // a message that ends too soon
	}
}
