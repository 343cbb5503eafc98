package dht

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/ipfs/boxo/ipns"
	"github.com/libp2p/go-libp2p/core/crypto"

	"chorus/probes/p2p/healthrecord"
)

func newTestSlot(t testing.TB, namespace string, kind, bits int) *recordSlot {
	t.Helper()
	key, _, err := crypto.GenerateKeyPairWithReader(kind, bits, rand.Reader)
	kadMust(t, err)
	slot, err := newRecordSlot(namespace, key)
	kadMust(t, err)
	return slot
}

// What a slot signs is valid for the cluster's validator and for itself; what another signs is neither.
func TestRecordSlots(t *testing.T) {
	for name, c := range map[string]struct {
		namespace  string
		kind, bits int
		validate   func(key string, value []byte) error
	}{
		"health":     {NamespaceHealth, crypto.Ed25519, 0, healthrecord.Validator{}.Validate},
		"health RSA": {NamespaceHealth, crypto.RSA, 2048, healthrecord.Validator{}.Validate},
		"ipns":       {NamespaceIPNS, crypto.Ed25519, 0, ipns.Validator{}.Validate},
		"ipns RSA":   {NamespaceIPNS, crypto.RSA, 2048, ipns.Validator{}.Validate},
	} {
		t.Run(name, func(t *testing.T) {
			slot, other := newTestSlot(t, c.namespace, c.kind, c.bits), newTestSlot(t, c.namespace, c.kind, c.bits)
			value, err := slot.sign(42, time.Now(), []byte("random payload 1"))
			kadMust(t, err)
			kadMust(t, c.validate(slot.key, value))
			if got, err := slot.verify(value); got != 42 || err != nil {
				t.Errorf("verify: %d, %v, want 42", got, err)
			}
			forged, err := other.sign(43, time.Now(), []byte("random payload 1"))
			kadMust(t, err)
			for what, bad := range map[string][]byte{
				"forged": forged, "cut": value[:len(value)-1], "nothing": nil, "garbage": []byte("999|x"),
			} {
				if _, err := slot.verify(bad); err == nil {
					t.Errorf("%s is taken for ours", what)
				}
			}
		})
	}
}

// A record that has expired is still ours: a node that kept it is behind, not corrupt.
func TestExpiredIPNSRecordIsOurs(t *testing.T) {
	slot := newTestSlot(t, NamespaceIPNS, crypto.Ed25519, 0)
	value, err := slot.sign(42, time.Now().Add(-2*ipnsLifetime), []byte("x"))
	kadMust(t, err)
	if err := (ipns.Validator{}).Validate(slot.key, value); err == nil {
		t.Fatal("the record has not expired")
	}
	if got, err := slot.verify(value); got != 42 || err != nil {
		t.Errorf("verify: %d, %v, want 42", got, err)
	}
}

func TestSequence(t *testing.T) {
	var s sequence
	at := func(ns int64) time.Time { return time.Unix(0, ns) }
	for _, c := range []struct {
		name string
		now  int64
		saw  uint64
		want uint64
	}{
		{"clock", 1000, 0, 1000},
		{"clock goes on", 2000, 0, 2000},
		{"clock stands still", 2000, 0, 2001},
		{"clock goes back", 500, 0, 2002},
		{"clock before the epoch", -5, 0, 2003},
		{"a node holds a newer one", 3000, 9000, 9001},
		{"a node holds an older one", 9500, 10, 9500},
	} {
		s.saw(c.saw)
		if got := s.next(at(c.now)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
