package p2p

import (
	"context"
	"errors"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

// GossipPublisher is the pubsub of a program that is in the cluster itself. It publishes instead of leg A.
type GossipPublisher struct {
	Host   host.Host      // required
	PubSub *pubsub.PubSub // required; the program's own, it ends it
	// Topic is the program's handle, if it has joined the probe's topic. Without it the probe joins, to publish only.
	Topic *pubsub.Topic
	// Author is who its messages are from; default the host's peer id.
	Author peer.ID
}

// NewGossipOn is NewGossip for a program with a pubsub of its own: that one publishes, and a second leg of ours, attached to
// other nodes and forbidden to meet the first, receives. GossipOptions.A stays empty.
func NewGossipOn(p GossipPublisher, o GossipOptions) (*Gossip, error) {
	if p.Host == nil || p.PubSub == nil {
		return nil, errors.New("new gossip probe: no pubsub to publish with, set GossipPublisher.Host and PubSub")
	}
	if p.Topic != nil && o.Topic == "" {
		o.Topic = p.Topic.String()
	}
	if p.Topic != nil && p.Topic.String() != o.Topic {
		return nil, errors.New("new gossip probe: GossipPublisher.Topic is not the probe's topic")
	}
	if p.Author == "" {
		p.Author = p.Host.ID()
	}
	return newGossip(p, o)
}

// gossipOwnHost is a program's host as a leg. Its connections are the program's business.
type gossipOwnHost struct{ h host.Host }

func (g gossipOwnHost) Host() host.Host             { return g.h }
func (g gossipOwnHost) Name() string                { return "own host" }
func (g gossipOwnHost) Connected() []peer.ID        { return g.h.Network().Peers() }
func (g gossipOwnHost) ConnectedSince() time.Time   { return time.Time{} }
func (g gossipOwnHost) Reset(context.Context) error { return nil }
