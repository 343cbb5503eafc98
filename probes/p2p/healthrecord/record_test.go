package healthrecord

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

var _ record.Validator = Validator{}

func newKey(t testing.TB, kind, bits int) (crypto.PrivKey, peer.ID) {
	t.Helper()
	key, _, err := crypto.GenerateKeyPairWithReader(kind, bits, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

func sign(t testing.TB, key crypto.PrivKey, r Record) []byte {
	t.Helper()
	value, err := Sign(key, r)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestRoundTrip(t *testing.T) {
	want := Record{Sequence: 7, Time: time.Unix(1760000000, 123).UTC(), Payload: []byte("random")}
	for name, kind := range map[string][2]int{
		"Ed25519": {crypto.Ed25519, 0}, "Secp256k1": {crypto.Secp256k1, 0},
		"ECDSA": {crypto.ECDSA, 0}, "RSA": {crypto.RSA, 2048},
	} {
		t.Run(name, func(t *testing.T) {
			key, id := newKey(t, kind[0], kind[1])
			value := sign(t, key, want)
			got, err := Verify(Key(id), value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	key, _ := newKey(t, crypto.Ed25519, 0)
	for name, r := range map[string]Record{
		"no sequence":  {Time: time.Unix(1, 0)},
		"long payload": {Sequence: 1, Payload: make([]byte, MaxPayload+1)},
	} {
		if _, err := Sign(key, r); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

// Every way to forge a record that costs an attacker no private key.
func TestValidateRefuses(t *testing.T) {
	key, id := newKey(t, crypto.Ed25519, 0)
	other, otherID := newKey(t, crypto.Ed25519, 0)
	rsa, rsaID := newKey(t, crypto.RSA, 2048)
	rsaOther, _ := newKey(t, crypto.RSA, 2048)
	r := Record{Sequence: 7, Time: time.Unix(1760000000, 0), Payload: []byte("random")}
	good := sign(t, key, r)
	edit := func(i int, b byte) []byte {
		value := bytes.Clone(good)
		value[i] = b
		return value
	}
	public, err := crypto.MarshalPublicKey(key.GetPublic())
	if err != nil {
		t.Fatal(err)
	}
	embed := func(signer crypto.PrivKey, under peer.ID, public []byte) []byte {
		body := appendBytes(append([]byte{version, 0, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 9)...), public)
		signature, err := signer.Sign(signed(Key(under), body))
		if err != nil {
			t.Fatal(err)
		}
		return appendBytes(body, signature)
	}
	for name, c := range map[string]struct {
		key   string
		value []byte
		want  string
	}{
		"other signer":              {Key(id), sign(t, other, r), "not signed by"},
		"moved to another key":      {Key(otherID), good, "not signed by"},
		"higher sequence":           {Key(id), edit(1, 1), "not signed by"},
		"other time":                {Key(id), edit(12, 1), "not signed by"},
		"other payload":             {Key(id), edit(18, 'X'), "not signed by"},
		"other signature":           {Key(id), edit(len(good)-1, good[len(good)-1]^1), "not signed by"},
		"own key embedded":          {Key(id), embed(key, id, public), "contains already"},
		"RSA without key":           {Key(rsaID), embed(rsa, rsaID, nil), "public key of the record"},
		"RSA with garbage":          {Key(rsaID), embed(rsa, rsaID, []byte{8, 0, 18, 1, 0}), "public key of the record"},
		"RSA signed by other RSA":   {Key(rsaID), sign(t, rsaOther, r), "public key of another peer"},
		"RSA signed by Ed25519":     {Key(rsaID), embed(key, rsaID, public), "public key of another peer"},
		"no value":                  {Key(id), nil, "too short"},
		"cut":                       {Key(id), good[:len(good)-1], "too short"},
		"longer":                    {Key(id), append(bytes.Clone(good), 0), "behind its signature"},
		"oversize":                  {Key(id), make([]byte, MaxSize+1), "over 4096"},
		"unknown version":           {Key(id), edit(0, 2), "version 2"},
		"payload length":            {Key(id), edit(17, 255), "over 64"},
		"no sequence":               {Key(id), edit(8, 0), "no sequence"},
		"other namespace":           {"/pk/" + id.String(), good, "begin with"},
		"key without peer":          {"/health/", good, "name a peer"},
		"key of garbage":            {"/health/node-1", good, "name a peer"},
		"key in another multibase":  {"/health/" + peer.ToCid(id).String(), good, "base58"},
		"key with something behind": {Key(id) + "/x", good, "name a peer"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validator{}.Validate(c.key, c.value)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate: %v, want %q in it", err, c.want)
			}
		})
	}
	if err := (Validator{}).Validate(Key(id), good); err != nil {
		t.Errorf("the record they were made of: %v", err)
	}
}

func TestSelect(t *testing.T) {
	key, id := newKey(t, crypto.Ed25519, 0)
	of := func(sequence uint64, payload string) []byte {
		return sign(t, key, Record{Sequence: sequence, Payload: []byte(payload)})
	}
	for name, c := range map[string]struct {
		values [][]byte
		want   int
	}{
		"one":            {[][]byte{of(1, "")}, 0},
		"higher first":   {[][]byte{of(2, ""), of(1, "")}, 0},
		"higher last":    {[][]byte{of(1, ""), of(3, ""), of(2, "")}, 1},
		"tie":            {[][]byte{of(1, "new"), of(1, "old")}, 0},
		"same again":     {[][]byte{of(1, "x"), of(1, "x")}, 0},
		"garbage beside": {[][]byte{nil, []byte("999|x"), of(1, "")}, 2},
		"largest":        {[][]byte{of(1<<64-2, ""), of(1<<64-1, "")}, 1},
	} {
		if got, err := (Validator{}).Select(Key(id), c.values); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
	for name, values := range map[string][][]byte{"none": nil, "garbage": {[]byte("x")}} {
		if _, err := (Validator{}).Select(Key(id), values); err == nil {
			t.Errorf("%s: something is selected", name)
		}
	}
}

// Whatever is accepted was signed by the owner of the key, and is the one encoding of what it says.
func FuzzVerify(f *testing.F) {
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(make([]byte, 32))) // the same in every worker
	if err != nil {
		f.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	rsa, rsaID := newKey(f, crypto.RSA, 2048)
	at := time.Unix(1760000000, 0).UTC()
	good := sign(f, key, Record{Sequence: 7, Time: at, Payload: []byte("random")})
	f.Add(Key(id), good)
	f.Add(Key(rsaID), sign(f, rsa, Record{Sequence: 1, Time: at}))
	f.Add(Key(id), good[:40])
	f.Add("/health/x", []byte{})
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		if p, err := parse(value); err == nil {
			again := appendBytes(bytes.Clone(p.body), p.signature)
			if !bytes.Equal(again, value) {
				t.Errorf("%x is another encoding of %x", value, again)
			}
		}
		if _, err := (Validator{}).Select(key, [][]byte{value, good}); err != nil {
			t.Errorf("Select: %v", err)
		}
		if _, err := Verify(key, value); err == nil && key == Key(id) && !bytes.Equal(value, good) {
			t.Errorf("%x is accepted, and nobody signed it", value)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key, id := newKey(b, crypto.Ed25519, 0)
	value := sign(b, key, Record{Sequence: 7, Time: time.Unix(1, 0), Payload: make([]byte, 16)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(Key(id), value); err != nil {
			b.Fatal(err)
		}
	}
}
