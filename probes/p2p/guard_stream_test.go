package p2p

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"google.golang.org/protobuf/proto"
)

// A stream of RPCs comes out with what passes the screen; one that is too large is passed over.
func TestScreenedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, reader := newBeatHost(t), newBeatHost(t)
		streams := make(chan network.Stream, 1)
		by := &testScreen{}
		screenedHost{Host: reader, by: by, limit: 100 << 10}.SetStreamHandler("/test", func(s network.Stream) { streams <- s })
		node.connect(t, reader)
		out, err := node.NewStream(t.Context(), reader.ID(), "/test")
		must(t, err)
		message := func(from string, size int) []byte {
			raw, err := proto.Marshal(&pb.RPC{Publish: []*pb.Message{
				{From: []byte(from), Topic: proto.String("ours"), Data: bytes.Repeat([]byte("x"), size)},
			}})
			must(t, err)
			return framed(raw)
		}
		var want bytes.Buffer
		go func() {
			for _, from := range []string{"friend", "stranger"} {
				for _, size := range []int{1, 200, 70 << 10, 99 << 10, 100 << 10, 3 << 20, 2} {
					if raw := message(from, size); from == "friend" && size < 100<<10 {
						want.Write(raw)
					}
					if _, err := out.Write(message(from, size)); err != nil {
						t.Error(err)
					}
				}
			}
			if err := out.CloseWrite(); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(<-streams)
		must(t, err)
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%d bytes came out, want %d", len(got), want.Len())
		}
		if by.none != 5 {
			t.Errorf("%d RPCs had nothing of use, want 5", by.none)
		}
	})
}

func TestScreenedStreamEnds(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"at once":           {nil, io.EOF},
		"in an RPC":         {[]byte{5, 1}, io.ErrUnexpectedEOF},
		"in a length":       {[]byte{0x80}, io.ErrUnexpectedEOF},
		"in one too large":  {append(binary.AppendUvarint(nil, 1<<63), "begun"...), io.EOF},
		"after nonsense":    {framed([]byte{2<<3 | 2, 5}), nil},
		"never in a length": {bytes.Repeat([]byte{0xff}, 20), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node, reader := newBeatHost(t), newBeatHost(t)
				result := make(chan error, 1)
				screenedHost{Host: reader, by: &testScreen{}, limit: 1000}.SetStreamHandlerMatch("/test", isTest, func(s network.Stream) {
					_, err := s.Read(make([]byte, 10))
					result <- err
				})
				node.connect(t, reader)
				out, err := node.NewStream(t.Context(), reader.ID(), "/test/1")
				must(t, err)
				_, err = out.Write(c.raw)
				must(t, err)
				must(t, out.CloseWrite())
				if err := <-result; err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("ended with %v, want %v", err, c.want)
				}
			})
		})
	}
}

func isTest[T ~string](id T) bool { return strings.HasPrefix(string(id), "/test/") }

// framed is a message behind its length.
func framed(body []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(body))), body...) }
