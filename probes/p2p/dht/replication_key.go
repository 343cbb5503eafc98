package dht

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"
	record "github.com/libp2p/go-libp2p-record"
)

// OwnRecord is the watched key that is always there: the record of the DHT probe itself.
const OwnRecord = "probe"

// Bounds of what may be watched and counted.
const (
	MaxWatchedKeys = 32    // all must fit into one run
	maxKeyName     = 128   // bytes
	maxRecordKey   = 1024  // bytes
	maxProviders   = 10000 // distinct ones of one key
)

// WatchedKey is something in the DHT that nodes should hold: a value under a key, or provider records of content.
type WatchedKey struct {
	Name string // label value; unique, not OwnRecord
	// Key is that of a value, such as "/app/config". Either Key or CID is required.
	Key string
	// Value is what must be held, byte for byte; nil for whatever is under Key.
	Value []byte
	// CID names content; a node holds it if it has a provider record of it. An answer over 1 MiB, about 4000 providers,
	// is not read.
	CID string
}

// watched is a checked WatchedKey.
type watched struct {
	WatchedKey
	hash []byte // multihash of the CID; nil for a value
}

// same says whether both watch the same thing under the same name.
func (w watched) same(o watched) bool {
	return w.Name == o.Name && w.Key == o.Key && w.CID == o.CID && (w.Value == nil) == (o.Value == nil) &&
		bytes.Equal(w.Value, o.Value)
}

// target is where in the key space nodes are looked for.
func (w watched) target() string {
	if w.hash != nil {
		return string(w.hash)
	}
	return w.Key
}

// checkKeys says all that is wrong with keys.
func checkKeys(keys []WatchedKey) ([]watched, error) {
	var faults []error
	if len(keys) > MaxWatchedKeys {
		faults = append(faults, fmt.Errorf("%d watched keys: use at most %d", len(keys), MaxWatchedKeys))
	}
	names := map[string]bool{OwnRecord: true}
	var all []watched
	for _, k := range keys {
		w, err := checkKey(k)
		if err == nil && names[k.Name] {
			err = errors.New("the name is taken, use another")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("watched key %q: %w", k.Name, err))
		}
		names[k.Name] = true
		all = append(all, w)
	}
	return all, errors.Join(faults...)
}

func checkKey(k WatchedKey) (watched, error) {
	w := watched{WatchedKey: k}
	switch {
	case k.Name == "" || len(k.Name) > maxKeyName:
		return w, fmt.Errorf("name of %d bytes: use 1 to %d", len(k.Name), maxKeyName)
	case (k.Key == "") == (k.CID == ""):
		return w, errors.New("set one of key and CID")
	case k.CID != "" && k.Value != nil:
		return w, errors.New("a CID has no value: its content is not in the DHT")
	case k.CID != "":
		c, err := cid.Decode(k.CID)
		if err != nil {
			return w, fmt.Errorf("CID %q: %w", k.CID, err)
		}
		w.hash = c.Hash()
		return w, nil
	case len(k.Key) > maxRecordKey:
		return w, fmt.Errorf("key of %d bytes: use at most %d", len(k.Key), maxRecordKey)
	}
	if _, _, err := record.SplitKey(k.Key); err != nil {
		return w, fmt.Errorf("key %q: write it as /namespace/name", k.Key)
	}
	return w, nil
}
