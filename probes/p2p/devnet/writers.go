package devnet

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// writers are the streams on which GossipSub writes, one a peer. A second one to the same peer would replace the first.
type writers struct {
	mu      sync.Mutex
	streams map[peer.ID]*writer
}

func newWriters() *writers { return &writers{streams: make(map[peer.ID]*writer)} }

// all is who can be written to now.
func (w *writers) all() map[peer.ID]*writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.streams)
}

// forget drops a stream that was closed.
func (w *writers) forget(s *writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.streams[s.peer] == s {
		delete(w.streams, s.peer)
	}
}

// writersHost is the host that GossipSub gets, which keeps note of the streams that it opens.
type writersHost struct {
	host.Host
	writers *writers
}

// NewStream implements host.Host.
func (h writersHost) NewStream(ctx context.Context, p peer.ID, protocols ...protocol.ID) (network.Stream, error) {
	s, err := h.Host.NewStream(ctx, p, protocols...)
	if err != nil {
		return nil, err
	}
	w := &writer{Stream: s, peer: p, all: h.writers}
	h.writers.mu.Lock()
	defer h.writers.mu.Unlock()
	h.writers.streams[p] = w
	return w, nil
}

// writer is a stream that GossipSub writes to, a whole RPC with each call, and others in between.
type writer struct {
	network.Stream
	peer peer.ID
	all  *writers
	mu   sync.Mutex // held while writing
}

// Write implements network.Stream.
func (s *writer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Stream.Write(p)
}

// Close implements network.Stream.
func (s *writer) Close() error {
	s.all.forget(s)
	return s.Stream.Close()
}

// Reset implements network.Stream.
func (s *writer) Reset() error {
	s.all.forget(s)
	return s.Stream.Reset()
}

// inject writes an RPC between those of GossipSub, or resets the stream.
func (s *writer) inject(ctx context.Context, rpc []byte) {
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.SetWriteDeadline(time.Now().Add(batchPatience)) // GossipSub sets its own before it writes
	if _, err := s.Stream.Write(rpc); err != nil {
		_ = s.Reset() // half an RPC may be out
	}
}
