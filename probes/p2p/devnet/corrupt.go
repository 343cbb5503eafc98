package devnet

import (
	"context"
	"sync/atomic"

	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	recpb "github.com/libp2p/go-libp2p-record/pb"
	"google.golang.org/protobuf/proto"
)

// recordStore holds the DHT records of a node. A corrupt one keeps them as they came and hands them out changed.
type recordStore struct {
	ds.Batching
	corrupt atomic.Bool
}

func newRecordStore() *recordStore {
	return &recordStore{Batching: dssync.MutexWrap(ds.NewMapDatastore())}
}

// Get is how the DHT reads what it answers a GET with. It checks a record's key and age on the way out, not its value.
func (s *recordStore) Get(ctx context.Context, key ds.Key) ([]byte, error) {
	data, err := s.Batching.Get(ctx, key)
	if err != nil || !s.corrupt.Load() {
		return data, err
	}
	return falsify(data)
}

// falsify returns the record with another value of the same length; an empty one gets a byte.
func falsify(data []byte) ([]byte, error) {
	var r recpb.Record
	if err := proto.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if len(r.GetValue()) == 0 {
		r.Value = []byte{0}
	}
	for i := range r.Value {
		r.Value[i] ^= 0xff
	}
	return proto.Marshal(&r)
}
