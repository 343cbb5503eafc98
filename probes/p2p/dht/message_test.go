package dht

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	record "github.com/libp2p/go-libp2p-record"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

func framed(body []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(body))), body...) }

func TestMessageRoundTrip(t *testing.T) {
	want := pb.NewMessage(pb.Message_GET_VALUE, []byte("/health/x"), 0)
	want.Record = record.MakePutRecord("/health/x", []byte("value"))
	want.CloserPeers = []*pb.Message_Peer{{Id: []byte("a"), Addrs: [][]byte{{1}, {2}}}, {}}
	var wire bytes.Buffer
	kadMust(t, writeMessage(&wire, want))
	got, err := readMessage(&wire, 1000)
	kadMust(t, err)
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

// What a hostile node may send: nothing of it is worth more memory than a small multiple of its bytes.
func TestReadMessageRefuses(t *testing.T) {
	const limit = 1 << 20
	emptyAddrs := append([]byte{byte(closerPeersField)<<3 | 2}, framed(bytes.Repeat([]byte{2<<3 | 2, 0}, 200_000))...)
	for name, c := range map[string]struct {
		wire []byte
		want string
	}{
		"nothing":               {nil, "EOF"},
		"length over the limit": {binary.AppendUvarint(nil, limit+1), "over 1048576"},
		"endless length":        {bytes.Repeat([]byte{255}, 20), "overflow"},
		"cut":                   {[]byte{10, 1, 2}, "EOF"},
		"garbage":               {framed([]byte{255, 255, 255}), "decode answer"},
		"empty providers":       {framed(bytes.Repeat([]byte{byte(providerPeersField)<<3 | 2, 0}, 500_000)), "over 32768 fields"},
		"empty closer peers":    {framed(bytes.Repeat([]byte{byte(closerPeersField)<<3 | 2, 0}, 500_000)), "over 32768 fields"},
		"empty addresses":       {framed(emptyAddrs), "over 32768 fields"},
		"unknown fields":        {framed(bytes.Repeat([]byte{15 << 3, 0}, 500_000)), "over 32768 fields"},
		"groups":                {framed([]byte{15<<3 | 3, 15<<3 | 4}), "group"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := readMessage(bytes.NewReader(c.wire), limit)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 4*limit {
				t.Errorf("took %d bytes of memory", took)
			}
		})
	}
}

func FuzzReadMessage(f *testing.F) {
	m := pb.NewMessage(pb.Message_GET_PROVIDERS, []byte("key"), 0)
	m.Record = record.MakePutRecord("key", []byte("value"))
	m.ProviderPeers = []*pb.Message_Peer{{Id: []byte("a"), Addrs: [][]byte{{4, 127, 0, 0, 1}}}}
	body, err := proto.Marshal(m)
	kadMust(f, err)
	f.Add(framed(body))
	f.Add(framed([]byte{15<<3 | 3, 15<<3 | 4}))
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, err := readMessage(bytes.NewReader(wire), 1<<16)
		if err != nil {
			return
		}
		if size := proto.Size(m); size > 1<<17 {
			t.Errorf("%d bytes became a message of %d", len(wire), size)
		}
		_ = m.GetRecord().GetValue()
	})
}
