package p2p

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// A message of the probe is 64 bytes, so anything else is turned away by its length:
//
//	magic "CHP1" | kind 1 | try 1 | wanted 2 | nonce 16 | sequence 8 | body 32
//
// The nonce names the run, try the first or second attempt. Numbers are big-endian. The body of a probe or a ping is random;
// that of a pong is the SHA-256 of the ping, to show that it arrived unchanged.
const (
	gossipSize  = 64
	gossipMagic = "CHP1"
)

// The kinds of messages.
const (
	gossipProbe = 1 // leg A to leg B
	gossipPing  = 2 // to the other exporters
	gossipPong  = 3 // their answer
)

// gossipTries is how often a run publishes.
const gossipTries = 2

// MaxGossipWanted bounds the answers that a ping may ask for.
const MaxGossipWanted = 16

type gossipNonce [16]byte

// gossipMessage is a message as it travels.
type gossipMessage struct {
	kind     byte
	try      byte
	wanted   uint16 // answers a ping asks for
	nonce    gossipNonce
	sequence uint64
	body     [32]byte
}

func (m gossipMessage) encode() []byte {
	b := make([]byte, 0, gossipSize)
	b = append(b, gossipMagic...)
	b = append(b, m.kind, m.try)
	b = binary.BigEndian.AppendUint16(b, m.wanted)
	b = append(b, m.nonce[:]...)
	b = binary.BigEndian.AppendUint64(b, m.sequence)
	return append(b, m.body[:]...)
}

// parseGossip reads a message. It is ok if encode can write it; whether anybody waits for it is another question.
func parseGossip(data []byte) (m gossipMessage, ok bool) {
	if len(data) != gossipSize || !bytes.HasPrefix(data, []byte(gossipMagic)) {
		return m, false
	}
	m.kind, m.try = data[4], data[5]
	m.wanted = binary.BigEndian.Uint16(data[6:])
	copy(m.nonce[:], data[8:])
	m.sequence = binary.BigEndian.Uint64(data[24:])
	copy(m.body[:], data[32:])
	return m, m.kind >= gossipProbe && m.kind <= gossipPong && m.try < gossipTries
}

// newGossipMessage is one with a random body.
func newGossipMessage(kind, try byte, wanted int, nonce gossipNonce, sequence uint64) gossipMessage {
	m := gossipMessage{kind: kind, try: try, wanted: uint16(wanted), nonce: nonce, sequence: sequence}
	_, _ = rand.Read(m.body[:]) // crypto/rand never returns an error
	return m
}

// pong answers a ping.
func (m gossipMessage) pong() gossipMessage {
	p := m
	p.kind, p.wanted, p.body = gossipPong, 0, sha256.Sum256(m.encode())
	return p
}
