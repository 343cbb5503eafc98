package p2p

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// GossipParams are the settings that must match those of the cluster, or nothing arrives and no error says why. The zero
// value fits a cluster with the library's defaults.
type GossipParams struct {
	// Router holds mesh degrees and the heartbeat, three of which a new connection is given; default
	// pubsub.DefaultGossipSubParams. A value without a heartbeat interval counts as not set.
	Router pubsub.GossipSubParams
	// Protocols are the stream protocols, best first; default those of the library.
	Protocols []protocol.ID
	// Features says what custom protocols can do; required with Protocols that the library does not know.
	Features pubsub.GossipSubFeatureTest
	// Policy is the cluster's signature policy; default pubsub.StrictSign.
	Policy *pubsub.MessageSignaturePolicy
	// MessageID names messages as the cluster does, or gossip about missed ones is of no use; default author and
	// sequence number, with signatures off a hash of the content.
	MessageID pubsub.MsgIdFunction
	// MaxMessageSize is the cluster's limit, if it is over pubsub.DefaultMaxMessageSize: what nodes send at once, and is
	// over ours, is passed over. (That is why it can't be set lower.)
	MaxMessageSize int
	// A and B are further options of the two instances, such as pubsub.WithRawTracer.
	A, B []pubsub.Option
}

// complete fills in defaults.
func (p *GossipParams) complete() error {
	if p.Router.HeartbeatInterval == 0 {
		p.Router = pubsub.DefaultGossipSubParams()
	}
	if p.Policy == nil {
		p.Policy = new(pubsub.StrictSign)
	}
	if p.Features == nil {
		p.Features = pubsub.GossipSubDefaultFeatures
		for _, id := range p.Protocols {
			if !slices.Contains(pubsub.GossipSubDefaultProtocols, id) {
				return fmt.Errorf("protocol %q is not GossipSub's own, set GossipParams.Features", id)
			}
		}
	}
	if len(p.Protocols) == 0 {
		p.Protocols = pubsub.GossipSubDefaultProtocols
	}
	if p.MessageID == nil {
		p.MessageID = gossipMessageID
		if !p.signed() {
			p.MessageID = func(m *pb.Message) string { return gossipHash(m.GetData()) }
		}
	}
	if p.Router.HeartbeatInterval < 0 || p.MaxMessageSize < 0 {
		return errors.New("heartbeat interval and message size must be positive")
	}
	return nil
}

// signed says whether an author can be believed.
func (p *GossipParams) signed() bool { return *p.Policy == pubsub.StrictSign }

// options are those that both instances share. Peer exchange stays off, and the inspector drops what others offer of it.
// The limit of message sizes is the cluster's: what is too big for us the inspector drops, without closing the stream.
func (p *GossipParams) options(in *gossipInspector, more []pubsub.Option) []pubsub.Option {
	return append([]pubsub.Option{
		pubsub.WithGossipSubParams(p.Router),
		pubsub.WithGossipSubProtocols(p.Protocols, p.Features),
		pubsub.WithMessageSignaturePolicy(*p.Policy),
		pubsub.WithMessageIdFn(p.MessageID),
		pubsub.WithMaxMessageSize(p.limit()),
		pubsub.WithSubscriptionFilter(in),
		pubsub.WithAppSpecificRpcInspector(in.inspect),
		pubsub.WithFloodPublish(true), // to every node on the topic, not to six of them: any may be hung
		pubsub.WithPeerExchange(false),
		pubsub.WithValidateQueueSize(gossipQueue),
		pubsub.WithPeerOutboundQueueSize(gossipQueue),
	}, more...)
}

// limit is the size of an RPC, in bytes, that is taken in.
func (p *GossipParams) limit() int { return max(p.MaxMessageSize, pubsub.DefaultMaxMessageSize) }

// screened is a host of ours for an instance, with the inspector in front of what comes by streams.
func (p *GossipParams) screened(h host.Host, in *gossipInspector) host.Host {
	return screenedHost{Host: h, by: in, limit: p.limit()}
}

// gossipQueue bounds what waits for validation, for a peer, and for our reader.
const gossipQueue = 128

// gossipMessageID is the default id, author and sequence number. What is longer than honest ones is hashed, so that the
// cache of seen ids stays small.
func gossipMessageID(m *pb.Message) string {
	if len(m.GetFrom())+len(m.GetSeqno()) > maxGossipID {
		return gossipHash(slices.Concat(m.GetFrom(), m.GetSeqno()))
	}
	return pubsub.DefaultMsgIdFn(m)
}

// maxGossipID is the longest peer id (a hash of 64 bytes with its prefix) and a sequence number of 8 bytes, rounded up.
const maxGossipID = 80

func gossipHash(data []byte) string {
	sum := sha256.Sum256(data)
	return string(sum[:])
}
