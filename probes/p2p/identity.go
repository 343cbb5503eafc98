package p2p

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Names of the three legs, in the order of Identity.PeerIDs. They are the values of the label leg.
const (
	GossipA = "gossip-a" // publishes
	GossipB = "gossip-b" // receives
	DHT     = "dht"      // asks the DHT servers one by one
)

// legNames is never written.
var legNames = [...]string{GossipA, GossipB, DHT}

// identityInfo is what HKDF gets as info beside the name of the leg. Changing it changes the peer ids that clusters list.
const identityInfo = "chorus_exporter libp2p identity v1 "

// Identity holds the keys of the three hosts. All follow from one Ed25519 key: gossip-a uses the key itself; the key of
// each other leg has the seed HKDF-SHA256(secret = seed of the first, salt = none, info = "chorus_exporter libp2p
// identity v1 " and the name of the leg), 32 bytes. So one file gives three peer ids that stay the same; a cluster that
// lists who may connect has to list all three (PeerIDs). None of the derived keys tells another one.
type Identity struct {
	keys [len(legNames)]crypto.PrivKey
	ids  [len(legNames)]peer.ID
}

// NewIdentity makes an identity that lives in memory only: tests, and programs that need no lasting peer ids.
func NewIdentity() (*Identity, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make p2p identity: %w", err)
	}
	return IdentityFrom(key)
}

// IdentityFrom derives an identity from an Ed25519 key that the caller keeps.
func IdentityFrom(key crypto.PrivKey) (*Identity, error) {
	if key == nil || key.Type() != crypto.Ed25519 {
		return nil, errors.New("derive p2p identity: the key must be an Ed25519 key")
	}
	raw, err := key.Raw() // seed and public key
	if err != nil {
		return nil, fmt.Errorf("derive p2p identity: %w", err)
	}
	i := &Identity{}
	for n, leg := range legNames {
		if i.keys[n] = key; leg != GossipA {
			if i.keys[n], err = deriveKey(raw[:ed25519.SeedSize], leg); err != nil {
				return nil, fmt.Errorf("derive p2p identity of leg %s: %w", leg, err)
			}
		}
		if i.ids[n], err = peer.IDFromPrivateKey(i.keys[n]); err != nil {
			return nil, fmt.Errorf("derive p2p identity of leg %s: %w", leg, err)
		}
	}
	return i, nil
}

// PeerIDs are the peer ids of gossip-a, gossip-b and dht, in this order.
func (i *Identity) PeerIDs() []peer.ID { return append([]peer.ID(nil), i.ids[:]...) }

// deriveKey is the key of a leg that does not use the identity's own.
func deriveKey(seed []byte, leg string) (crypto.PrivKey, error) {
	derived, err := hkdf.Key(sha256.New, seed, nil, identityInfo+leg, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(derived)
	private, _, err := crypto.KeyPairFromStdKey(&key)
	return private, err
}
