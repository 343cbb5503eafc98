package p2p

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Tracer tells a topic's OnRefused what pubsub itself refused after the Guard let it through: bad signatures.
func (g *Guard) Tracer() pubsub.RawTracer { return guardTracer{guard: g} }

// guardTracer tells a topic's OnRefused what pubsub itself refused after the Guard let it through.
type guardTracer struct {
	silentTracer
	guard *Guard
}

// RejectMessage implements pubsub.RawTracer. What a validator of the topic ignored, it has told of itself.
func (t guardTracer) RejectMessage(m *pubsub.Message, reason string) {
	s := t.guard.post(m.GetTopic())
	if s == nil {
		return
	}
	switch reason {
	case pubsub.RejectInvalidSignature, pubsub.RejectMissingSignature, pubsub.RejectUnexpectedSignature,
		pubsub.RejectUnexpectedAuthInfo, pubsub.RejectSelfOrigin:
		s.policy.OnRefused(RefusedSignature)
	case pubsub.RejectValidationQueueFull, pubsub.RejectValidationThrottled:
		s.policy.OnRefused(RefusedRate)
	}
}

// silentTracer is a pubsub.RawTracer that does nothing.
type silentTracer struct{}

var _ pubsub.RawTracer = silentTracer{}

func (silentTracer) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (silentTracer) OnClosedOutboundStream(peer.ID)                       {}
func (silentTracer) Join(string)                                          {}
func (silentTracer) Leave(string)                                         {}
func (silentTracer) Graft(peer.ID, string)                                {}
func (silentTracer) Prune(peer.ID, string)                                {}
func (silentTracer) ValidateMessage(*pubsub.Message)                      {}
func (silentTracer) DeliverMessage(*pubsub.Message)                       {}
func (silentTracer) RejectMessage(*pubsub.Message, string)                {}
func (silentTracer) DuplicateMessage(*pubsub.Message)                     {}
func (silentTracer) ThrottlePeer(peer.ID)                                 {}
func (silentTracer) RecvRPC(*pubsub.RPC)                                  {}
func (silentTracer) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (silentTracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (silentTracer) DropRPC(*pubsub.RPC, peer.ID)                         {}
func (silentTracer) UndeliverableMessage(*pubsub.Message)                 {}
