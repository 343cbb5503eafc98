package p2p

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libp2p/go-libp2p/core/crypto"
)

// LoadIdentity reads the identity of a key file, and makes the file first if there is none. The file holds one Ed25519
// key as libp2p marshals it (protobuf), and nobody but its owner and group may read it. The directory must exist.
func LoadIdentity(path string) (*Identity, error) {
	if path == "" {
		return nil, errors.New("load p2p identity: no file, name one that may be created")
	}
	data, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createIdentity(path); err == nil {
			data, err = readSecret(path) // of whoever came first
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load p2p identity: %w", err)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("load p2p identity: %s holds no libp2p private key, restore it from a backup or remove it "+
			"to get a new key and new peer ids: %w", path, err)
	}
	if key.Type() != crypto.Ed25519 {
		return nil, fmt.Errorf("load p2p identity: %s holds a key of type %s, use an Ed25519 key or remove the file to get one",
			path, key.Type())
	}
	return IdentityFrom(key)
}

// createIdentity writes a new key to path: whole or not at all, and never over another one that appeared meanwhile.
func createIdentity(path string) (err error) {
	key, err := NewIdentity()
	if err != nil {
		return err
	}
	data, err := crypto.MarshalPrivateKey(key.keys[0])
	if err != nil {
		return fmt.Errorf("marshal key: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(temporary.Name())) }()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put key file in its place: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes a new entry survive a crash. What file systems can't do so, they need not.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	_ = d.Sync()
	return d.Close()
}
