//go:build e2e

package main

import (
	"bufio"
	"bytes"
	crand "crypto/rand"
	varint "encoding/binary" // the exporter under test is binary
	"io"
	"math/rand/v2"

	kadpb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"
)

// answerDHT answers one request after the other: mostly that the victim is closer, else with what is to fill memory.
func (h *hostile) answerDHT(s network.Stream) {
	defer s.Reset()
	in := bufio.NewReader(s)
	for {
		request, err := readDHT(in)
		if err != nil {
			return
		}
		if _, err := s.Write(h.dhtAnswer(request)); err != nil {
			return
		}
		h.dht.Add(1)
	}
}

func readDHT(in *bufio.Reader) (*kadpb.Message, error) {
	size, err := varint.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	body := make([]byte, min(size, 1<<20))
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	m := new(kadpb.Message)
	return m, proto.Unmarshal(body, m)
}

// dhtAnswer takes every value it is given, holds none, and knows closer peers: strangers and targets, all of them at the
// victim's address.
func (h *hostile) dhtAnswer(request *kadpb.Message) []byte {
	answer := kadpb.NewMessage(request.GetType(), request.GetKey(), 0)
	switch n := rand.N(8); {
	case request.GetType() == kadpb.Message_FIND_NODE && h.lookups.Add(1) <= 3:
		// Whoever answers a lookup badly is not asked for another: the first few lead to the victim.
	case n == 0: // empty peers: 2 bytes each here, 100 in memory
		head, _ := proto.Marshal(answer)
		return frame(append(head, bytes.Repeat([]byte{8<<3 | 2, 0}, 150_000)...))
	case n == 1: // a message of 1 GiB begins
		return append(varint.AppendUvarint(nil, 1<<30), make([]byte, 64<<10)...)
	}
	if request.GetType() == kadpb.Message_PUT_VALUE {
		answer.Record = request.GetRecord()
	}
	for _, id := range append(strangers(40), h.honest...) {
		answer.CloserPeers = append(answer.CloserPeers, &kadpb.Message_Peer{
			Id: []byte(id), Addrs: [][]byte{h.victim.addr.Bytes()}, Connection: kadpb.Message_CAN_CONNECT,
		})
	}
	answer.ProviderPeers = answer.CloserPeers
	body, _ := proto.Marshal(answer)
	return frame(body)
}

// strangers are peers that nobody has heard of.
func strangers(n int) (ids []peer.ID) {
	for range n {
		hash := append([]byte{0x12, 32}, make([]byte, 32)...) // a SHA-256, by its length
		_, _ = crand.Read(hash[2:])                           // never fails
		ids = append(ids, peer.ID(hash))
	}
	return ids
}
