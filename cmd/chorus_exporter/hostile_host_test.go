//go:build e2e

package main

import (
	"crypto/rand"
	varint "encoding/binary" // the exporter under test is binary
	"net"
	"sync"
	"sync/atomic"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	netswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"google.golang.org/protobuf/proto"
)

// hostile is a target that speaks the protocols of a node and abides by none of their rules.
type hostile struct {
	host.Host
	t       *testing.T
	key     crypto.PrivKey
	victim  *victim
	honest  []peer.ID    // the nodes beside it
	dht     atomic.Int64 // DHT requests answered
	lookups atomic.Int64 // of these, lookups

	mu      sync.Mutex
	streams map[peer.ID]network.Stream // to those who speak GossipSub
}

// newHostile starts one on loopback, until the end of the test.
func newHostile(t *testing.T, v *victim) *hostile {
	t.Helper()
	h := &hostile{t: t, victim: v, streams: make(map[peer.ID]network.Stream)}
	h.key, h.Host = newHost(t, func(own []ma.Multiaddr) []ma.Multiaddr {
		return append([]ma.Multiaddr{v.addr}, own...) // what identify says is a lie too
	})
	h.SetStreamHandler(pubsub.GossipSubID_v11, swallow)
	h.SetStreamHandler("/chorus/kad/1.0.0", h.answerDHT)
	return h
}

func newHost(t *testing.T, addrs func([]ma.Multiaddr) []ma.Multiaddr) (crypto.PrivKey, host.Host) {
	t.Helper()
	key, id := newKey(t)
	store, err := pstoremem.NewPeerstore()
	must(t, err)
	must(t, store.AddPrivKey(id, key))
	must(t, store.AddPubKey(id, key.GetPublic()))
	bus := eventbus.NewBus()
	sw, err := netswarm.NewSwarm(id, store, bus)
	must(t, err)
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := noise.New(noise.ID, key, muxers)
	must(t, err)
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, nil, nil)
	must(t, err)
	transport, err := tcp.NewTCPTransport(up, nil, nil)
	must(t, err)
	must(t, sw.AddTransport(transport))
	must(t, sw.Listen(ma.StringCast("/ip4/127.0.0.1/tcp/0")))
	h, err := basichost.NewHost(sw, &basichost.HostOpts{EventBus: bus, EnablePing: true, AddrsFactory: addrs})
	must(t, err)
	h.Start()
	t.Cleanup(func() { _ = h.Close() })
	return key, h
}

func newKey(t *testing.T) (crypto.PrivKey, peer.ID) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	must(t, err)
	id, err := peer.IDFromPrivateKey(key)
	must(t, err)
	return key, id
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// swallow reads what a peer says and forgets it.
func swallow(s network.Stream) {
	for buf := make([]byte, 4096); ; {
		if _, err := s.Read(buf); err != nil {
			_ = s.Reset()
			return
		}
	}
}

// target is the hostile node's multiaddr.
func (h *hostile) target() string {
	return h.Network().ListenAddresses()[0].String() + "/p2p/" + h.ID().String()
}

// write writes raw bytes to whoever connected and speaks GossipSub. It says how many peers took them. A stream that was
// closed on us is opened again by the next write.
func (h *hostile) write(raw []byte) (took int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.Network().Peers() {
		s := h.streams[p]
		if s == nil {
			var err error
			if s, err = h.NewStream(h.t.Context(), p, pubsub.GossipSubID_v11); err != nil {
				continue // the host that asks the DHT
			}
			h.streams[p] = s
		}
		if _, err := s.Write(raw); err != nil {
			_ = s.Reset()
			delete(h.streams, p)
			continue
		}
		took++
	}
	return took
}

// send sends RPCs.
func (h *hostile) send(rpcs ...*pubsubpb.RPC) {
	h.t.Helper()
	for _, rpc := range rpcs {
		h.write(encodeRPC(h.t, rpc))
	}
}

func encodeRPC(t *testing.T, rpc *pubsubpb.RPC) []byte {
	t.Helper()
	body, err := proto.Marshal(rpc)
	must(t, err)
	return frame(body)
}

// frame puts the length before a message.
func frame(body []byte) []byte { return append(varint.AppendUvarint(nil, uint64(len(body))), body...) }

// victim is somebody whom nobody has reason to connect to. It counts who does.
type victim struct {
	addr  ma.Multiaddr
	conns atomic.Int64
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	v := &victim{}
	v.addr, err = manet.FromNetAddr(l.Addr())
	must(t, err)
	var done sync.WaitGroup
	t.Cleanup(func() { l.Close(); done.Wait() })
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			v.conns.Add(1)
			c.Close()
		}
	})
	return v
}
