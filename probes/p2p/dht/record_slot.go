package dht

import (
	"errors"
	"fmt"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multihash"

	"chorus/probes/p2p/healthrecord"
)

// ipnsLifetime is how long an IPNS record of ours is valid: longer than clocks are apart, and than nodes keep it.
const ipnsLifetime = 7 * 24 * time.Hour

// recordSlot is the one place in a DHT that a key may write.
type recordSlot struct {
	key string // of the DHT
	// sign makes the value for the slot.
	sign func(sequence uint64, at time.Time, payload []byte) ([]byte, error)
	// verify is the sequence of a value that was signed with the key for the slot; any other value is an error.
	verify func(value []byte) (sequence uint64, err error)
}

func newRecordSlot(namespace string, signer crypto.PrivKey) (*recordSlot, error) {
	id, err := peer.IDFromPrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("peer ID of the signing key: %w", err)
	}
	switch namespace {
	case NamespaceHealth:
		return healthSlot(signer, id), nil
	case NamespaceIPNS:
		return ipnsSlot(signer, id), nil
	}
	return nil, fmt.Errorf("unknown namespace %q", namespace)
}

func healthSlot(signer crypto.PrivKey, id peer.ID) *recordSlot {
	key := healthrecord.Key(id)
	return &recordSlot{
		key: key,
		sign: func(sequence uint64, at time.Time, payload []byte) ([]byte, error) {
			return healthrecord.Sign(signer, healthrecord.Record{Sequence: sequence, Time: at, Payload: payload})
		},
		verify: func(value []byte) (uint64, error) {
			r, err := healthrecord.Verify(key, value)
			return r.Sequence, err
		},
	}
}

// ipnsSlot is the IPNS name of id. The payload stands in it as content that is its own address.
func ipnsSlot(signer crypto.PrivKey, id peer.ID) *recordSlot {
	name := ipns.NameFromPeer(id)
	return &recordSlot{
		key: string(name.RoutingKey()),
		sign: func(sequence uint64, at time.Time, payload []byte) ([]byte, error) {
			hash, err := multihash.Sum(payload, multihash.IDENTITY, -1)
			if err != nil {
				return nil, fmt.Errorf("make IPNS record: %w", err)
			}
			content := path.FromCid(cid.NewCidV1(cid.Raw, hash))
			r, err := ipns.NewRecord(signer, content, sequence, at.Add(ipnsLifetime), time.Minute)
			if err != nil {
				return nil, fmt.Errorf("make IPNS record: %w", err)
			}
			return ipns.MarshalRecord(r)
		},
		verify: func(value []byte) (uint64, error) {
			r, err := ipns.UnmarshalRecord(value)
			if err != nil {
				return 0, fmt.Errorf("read IPNS record: %w", err)
			}
			// Whether it has expired is looked at after the signature, and an old record of ours is ours.
			if err := ipns.ValidateWithName(r, name); err != nil && !errors.Is(err, ipns.ErrExpiredRecord) {
				return 0, fmt.Errorf("verify IPNS record: %w", err)
			}
			return r.Sequence()
		},
	}
}

// sequence numbers our records. Nodes refuse one that is not higher than the one they hold, so it goes on from what
// they hold after a restart, and rises when the clock goes back.
type sequence struct {
	last uint64 // highest that we wrote or saw
	read bool   // whether a node told what it holds, since the start

	put   uint64    // of the last record whose puts have ended
	putAt time.Time // when they ended, with monotonic reading; zero before the first
}

// next is the larger of the time in nanoseconds and one more than the last.
func (s *sequence) next(now time.Time) uint64 {
	s.last = max(uint64(max(now.UnixNano(), 0)), s.last+1)
	return s.last
}

// saw takes note of a record of ours that a node holds.
func (s *sequence) saw(sequence uint64) { s.last = max(s.last, sequence) }
