package p2p

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// untraced is what a tracer does about events that do not interest it: nothing.
type untraced struct{}

var _ pubsub.RawTracer = (*GossipSub)(nil)

func (untraced) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (untraced) Join(string)                                          {}
func (untraced) ValidateMessage(*pubsub.Message)                      {}
func (untraced) DeliverMessage(*pubsub.Message)                       {}
func (untraced) RejectMessage(*pubsub.Message, string)                {}
func (untraced) DuplicateMessage(*pubsub.Message)                     {}
func (untraced) ThrottlePeer(peer.ID)                                 {}
func (untraced) RecvRPC(*pubsub.RPC)                                  {}
func (untraced) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (untraced) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (untraced) DropRPC(*pubsub.RPC, peer.ID)                         {}
func (untraced) UndeliverableMessage(*pubsub.Message)                 {}
