package p2p

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// The derivation is a promise: clusters list these ids.
func TestIdentityIsDerivedTheSameForEver(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{42}, ed25519.SeedSize))
	private, _, err := crypto.KeyPairFromStdKey(&key)
	if err != nil {
		t.Fatal(err)
	}
	i, err := IdentityFrom(private)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range i.PeerIDs() {
		got = append(got, id.String())
	}
	want := []string{
		"12D3KooWBXu3uGPMkjjxViK6autSnFH5QaKJgTwW8CaSxYSD6yYL",
		"12D3KooWSmqgZnx8T1eGHXD8RcHDQo2xq2xoD5kY3AFhFRaJ6u4v",
		"12D3KooWQahfHLSFQdJjr8e4XVEdc8XZxbaPxPc6CnkNYxnFnJim",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("peer ids (-want +got):\n%s", d)
	}
}

func TestLoadIdentity(t *testing.T) {
	marshal := func(key crypto.PrivKey, _ crypto.PubKey, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		data, err := crypto.MarshalPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := marshal(crypto.GenerateEd25519Key(rand.Reader))
	for name, c := range map[string]struct {
		data []byte
		mode os.FileMode
		want string // part of the error; empty: none
	}{
		"good":                  {good, 0o600, ""},
		"read only":             {good, 0o400, ""},
		"group may read":        {good, 0o640, ""},
		"others may read":       {good, 0o644, "chmod 600"},
		"group may write":       {good, 0o660, "chmod 600"},
		"empty":                 {nil, 0o600, "holds no libp2p private key"},
		"cut off":               {good[:20], 0o600, "holds no libp2p private key"},
		"text":                  {[]byte("-----BEGIN PRIVATE KEY-----"), 0o600, "holds no libp2p private key"},
		"too large":             {make([]byte, 5000), 0o600, "larger than"},
		"a key of another type": {marshal(crypto.GenerateSecp256k1Key(rand.Reader)), 0o600, "use an Ed25519 key"},
		"an RSA key":            {marshal(crypto.GenerateRSAKeyPair(2048, rand.Reader)), 0o600, "use an Ed25519 key"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			i, err := LoadIdentity(path)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path)):
				t.Errorf("error %v does not name %s and contain %q", err, path, c.want)
			case err == nil && len(i.PeerIDs()) != 3:
				t.Errorf("%d peer ids", len(i.PeerIDs()))
			}
			if data, _ := os.ReadFile(path); !bytes.Equal(data, c.data) {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		if _, err := LoadIdentity(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("in no directory", func(t *testing.T) {
		if _, err := LoadIdentity(filepath.Join(t.TempDir(), "none", "key")); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no name", func(t *testing.T) {
		if _, err := LoadIdentity(""); err == nil {
			t.Error("no error")
		}
	})
}

func TestLoadIdentityMakesTheFileOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	var all sync.WaitGroup
	ids := make([][]peer.ID, 8)
	for n := range ids {
		all.Go(func() {
			i, err := LoadIdentity(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[n] = i.PeerIDs()
		})
	}
	all.Wait()
	for _, got := range ids[1:] {
		if d := cmp.Diff(ids[0], got); d != "" {
			t.Errorf("two callers got different ids:\n%s", d)
		}
	}
	if ids[0][0] == ids[0][1] || ids[0][1] == ids[0][2] || ids[0][0] == ids[0][2] {
		t.Errorf("ids are not distinct: %v", ids[0])
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files left, want the key alone", len(entries))
	}
}
