package dht

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// kadProtocol follows the prefix in the protocol of a Kademlia node.
const kadProtocol protocol.ID = "/kad/1.0.0"

// maxProvidersAnswer bounds the answer to who provides something, in bytes: about 4000 providers.
const maxProvidersAnswer = 1 << 20

// dhtSender sends Kademlia requests, each on a stream of its own. That of kad-dht keeps one stream a node with a lock
// around it, so that a request to a hung node holds up the next one, and reads answers of up to 4 MiB whatever was asked.
type dhtSender struct {
	host     host.Host
	protocol protocol.ID
	timeout  time.Duration
	limit    int // bytes of an answer
}

func newDHTSender(h host.Host, o Options) *dhtSender {
	return &dhtSender{
		host:     h,
		protocol: o.ProtocolPrefix + kadProtocol,
		timeout:  o.RPCTimeout,
		limit:    64<<10 + 2*o.BucketSize*pb.MaxPeerRecordSize, // a value, and twice the peers that belong there
	}
}

// build hands the sender to kad-dht.
func (s *dhtSender) build(host.Host, []protocol.ID) pb.MessageSenderWithDisconnect { return s }

// OnDisconnect implements pb.MessageSenderWithDisconnect: no stream outlives its request.
func (s *dhtSender) OnDisconnect(context.Context, peer.ID) {}

// SendRequest implements pb.MessageSender.
func (s *dhtSender) SendRequest(ctx context.Context, p peer.ID, m *pb.Message) (*pb.Message, error) {
	limit := s.limit
	if m.GetType() == pb.Message_GET_PROVIDERS {
		limit = max(limit, maxProvidersAnswer)
	}
	var answer *pb.Message
	err := s.stream(ctx, p, func(stream io.ReadWriter) error {
		if err := writeMessage(stream, m); err != nil {
			return err
		}
		var err error
		answer, err = readMessage(stream, limit)
		return err
	})
	return answer, err
}

// SendMessage implements pb.MessageSender.
func (s *dhtSender) SendMessage(ctx context.Context, p peer.ID, m *pb.Message) error {
	return s.stream(ctx, p, func(stream io.ReadWriter) error { return writeMessage(stream, m) })
}

// stream opens a stream to p for the time of use. Nothing in it outlives ctx or the timeout.
func (s *dhtSender) stream(ctx context.Context, p peer.ID, use func(io.ReadWriter) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	stream, err := s.host.NewStream(ctx, p, s.protocol)
	if err != nil {
		return fmt.Errorf("open stream: %w", cmp.Or(ctx.Err(), err))
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	if err := use(stream); err != nil {
		_ = stream.Reset()
		return cmp.Or(ctx.Err(), err)
	}
	_ = stream.Close() // what we came for is here
	return nil
}
