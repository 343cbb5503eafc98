// Package healthrecord is the signed record that a health probe puts into a Kademlia DHT, and the validator with which a
// cluster accepts it. A node of a cluster needs nothing else of this module:
//
//	kad, err := dht.New(host, dht.NamespacedValidator(healthrecord.Namespace, healthrecord.Validator{}), …)
//
// A writer owns one key, Key of its peer ID, and nobody else can write there: the value is signed by the key that the
// peer ID stands for. So a swarm holds one record a writer, however often it probes.
//
// A record is, with big-endian integers and nothing after the signature:
//
//	 1 byte   version, 1
//	 8 bytes  sequence; the higher one of two records wins
//	 8 bytes  time of writing, nanoseconds since the epoch; informative
//	1+n bytes payload behind its length, at most MaxPayload
//	2+n bytes public key of the writer as libp2p marshals it, empty if the peer ID contains it (Ed25519, Secp256k1)
//	2+n bytes signature of "chorus-health-record:", the record key, a zero byte, and all that stands before it
package healthrecord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// Namespace is the first part of every key, under which a cluster registers the Validator.
	Namespace = "health"
	// MaxSize is the largest valid record in bytes. An Ed25519 one with a full payload takes 150, an RSA-8192 one 2200.
	MaxSize = 4096
	// MaxPayload is the largest payload in bytes.
	MaxPayload = 64
)

const (
	version = 1
	prefix  = "/" + Namespace + "/"
	domain  = "chorus-health-record:" // so that a signature of ours means nothing elsewhere
)

// Record is what a writer says. Its time is kept to the nanosecond, without location.
type Record struct {
	Sequence uint64 // 1 or more
	Time     time.Time
	Payload  []byte
}

// Key is the one key that id may write.
func Key(id peer.ID) string { return prefix + id.String() }

// ParseKey is the peer that may write key. Only the text that Key writes is accepted, or a peer would have two keys.
func ParseKey(key string) (peer.ID, error) {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return "", fmt.Errorf("key does not begin with %s", prefix)
	}
	id, err := peer.Decode(name)
	if err != nil {
		return "", fmt.Errorf("key does not name a peer: %w", err)
	}
	if id.String() != name {
		return "", errors.New("key does not name its peer in base58")
	}
	return id, nil
}

// Sign encodes r for the key of the signer's own peer ID.
func Sign(signer crypto.PrivKey, r Record) ([]byte, error) {
	if r.Sequence == 0 {
		return nil, errors.New("sign health record: no sequence")
	}
	if len(r.Payload) > MaxPayload {
		return nil, fmt.Errorf("sign health record: payload has %d bytes, over %d", len(r.Payload), MaxPayload)
	}
	id, err := peer.IDFromPrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("sign health record: %w", err)
	}
	b := []byte{version}
	b = binary.BigEndian.AppendUint64(b, r.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	b = append(append(b, byte(len(r.Payload))), r.Payload...)
	public, err := embedded(id, signer.GetPublic())
	if err != nil {
		return nil, fmt.Errorf("sign health record: %w", err)
	}
	b = appendBytes(b, public)
	signature, err := signer.Sign(signed(Key(id), b))
	if err != nil {
		return nil, fmt.Errorf("sign health record: %w", err)
	}
	if b = appendBytes(b, signature); len(b) > MaxSize {
		return nil, fmt.Errorf("sign health record: %d bytes, over %d", len(b), MaxSize)
	}
	return b, nil
}

// Verify is the record in value if it is valid under key: well-formed, and signed by the peer that key names.
func Verify(key string, value []byte) (Record, error) {
	id, err := ParseKey(key)
	if err != nil {
		return Record{}, err
	}
	p, err := parse(value)
	if err != nil {
		return Record{}, err
	}
	public, err := writer(id, p.public)
	if err != nil {
		return Record{}, err
	}
	if ok, err := public.Verify(signed(key, p.body), p.signature); err != nil || !ok {
		return Record{}, errors.New("record is not signed by the peer that its key names")
	}
	return p.record, nil
}

// signed is what a signature covers.
func signed(key string, body []byte) []byte {
	b := make([]byte, 0, len(domain)+len(key)+1+len(body))
	b = append(append(append(b, domain...), key...), 0)
	return append(b, body...)
}

// embedded is the public key that a record of id must carry: none if the ID contains it.
func embedded(id peer.ID, public crypto.PubKey) ([]byte, error) {
	_, err := id.ExtractPublicKey()
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, peer.ErrNoPublicKey):
		return crypto.MarshalPublicKey(public)
	}
	return nil, err
}

// writer is the public key of id, which is either in the ID or in the record.
func writer(id peer.ID, embedded []byte) (crypto.PubKey, error) {
	public, err := id.ExtractPublicKey()
	switch {
	case err == nil && len(embedded) > 0:
		return nil, errors.New("record carries a public key that the peer ID contains already")
	case err == nil:
		return public, nil
	case !errors.Is(err, peer.ErrNoPublicKey):
		return nil, fmt.Errorf("public key of %s: %w", id, err)
	}
	if public, err = crypto.UnmarshalPublicKey(embedded); err != nil {
		return nil, fmt.Errorf("public key of the record: %w", err)
	}
	if !id.MatchesPublicKey(public) {
		return nil, errors.New("record carries the public key of another peer")
	}
	return public, nil
}

func appendBytes(b, more []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(more))), more...)
}
