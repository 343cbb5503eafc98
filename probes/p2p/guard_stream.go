package p2p

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// screenedHost is a host for one pubsub instance of ours: what streams bring to it passes the screen first. An inspector of
// RPCs comes too late against one who sends them full of nothing: they are decoded by then, half a MiB into 50, and 32 of
// them may wait for it.
type screenedHost struct {
	host.Host
	by    screen
	limit int // bytes of an RPC
}

// SetStreamHandler implements host.Host.
func (h screenedHost) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(id, h.screened(handle))
}

// SetStreamHandlerMatch implements host.Host.
func (h screenedHost) SetStreamHandlerMatch(id protocol.ID, match func(protocol.ID) bool, handle network.StreamHandler) {
	h.Host.SetStreamHandlerMatch(id, match, h.screened(handle))
}

func (h screenedHost) screened(handle network.StreamHandler) network.StreamHandler {
	return func(s network.Stream) {
		handle(&screenedStream{Stream: s, by: h.by, limit: h.limit, in: bufio.NewReaderSize(s, frameBuffer)})
	}
}

// Sizes of buffers, in bytes. A larger frame gets a buffer for itself, which goes with it.
const (
	frameBuffer = 16 << 10
	frameKeep   = 64 << 10
)

// screenedStream hands on of each RPC that comes what passes the screen. One reader at a time, like any stream.
type screenedStream struct {
	network.Stream
	by    screen
	limit int
	in    *bufio.Reader
	frame []byte // room for a length and an RPC
	left  []byte // of it, not yet read
}

// Read implements network.Stream.
func (s *screenedStream) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// next takes in one RPC. One over the limit is passed over: closing the stream for it would make us deaf to a neighbour that
// only passed it on.
func (s *screenedStream) next() error {
	size, err := binary.ReadUvarint(s.in)
	switch {
	case err != nil:
		return err
	case size > uint64(s.limit):
		_, err := io.CopyN(io.Discard, s.in, int64(min(size, 1<<62)))
		return err
	}
	const head = binary.MaxVarintLen64
	if whole := head + int(size); cap(s.frame) < whole || cap(s.frame) > frameKeep {
		s.frame = make([]byte, whole)
	}
	body := s.frame[head : head+int(size)]
	if _, err := io.ReadFull(s.in, body); err != nil {
		return err
	}
	kept, err := sift(body, s.Conn().RemotePeer(), s.by)
	if err != nil {
		return err
	}
	if len(kept) == 0 {
		s.by.empty()
		return nil
	}
	length := binary.AppendUvarint(nil, uint64(len(kept)))
	begin := head - len(length)
	copy(s.frame[begin:], length)
	s.left = s.frame[begin : head+len(kept)]
	return nil
}
