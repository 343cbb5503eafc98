package devnet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-kit/log/level"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// membersTopic carries announcements.
	membersTopic = "CHORUS/devnet/members/v1"
	// maxMessage bounds what a node parses, in bytes.
	maxMessage = 1 << 10
	// validateQueue is longer than GossipSub's own 32, so that announcements survive a flood of the other topics.
	validateQueue = 4096
	// ticksPerInterval is how often within a heartbeat interval the node looks who leads.
	ticksPerInterval = 4
)

// topics are the handles of a node. GossipSub gives out one a topic.
type topics struct {
	health             []*pubsub.Topic
	heartbeat, members *pubsub.Topic
}

// joinTopics starts GossipSub, which ends with ctx, and subscribes to everything.
func (n *node) joinTopics(ctx context.Context) error {
	var err error
	n.pubsub, err = pubsub.NewGossipSub(ctx, writersHost{n.host, n.writers},
		pubsub.WithValidateQueueSize(validateQueue), pubsub.WithPeerOutboundQueueSize(1024))
	if err != nil {
		return err
	}
	for _, name := range n.config.Topics {
		if err := n.screen(name); err != nil {
			return err
		}
		topic, err := n.subscribe(ctx, name, func(*pubsub.Message) { n.received.Add(1) })
		if err != nil {
			return err
		}
		n.topics.health = append(n.topics.health, topic)
	}
	if n.topics.heartbeat, err = n.subscribe(ctx, n.config.HeartbeatTopic, n.onHeartbeat); err != nil {
		return err
	}
	n.topics.members, err = n.subscribe(ctx, membersTopic, n.onAnnouncement)
	return err
}

// screen has GossipSub reject every message on a topic, if the node is to do so.
func (n *node) screen(name string) error {
	if !n.config.RejectTopics {
		return nil
	}
	err := n.pubsub.RegisterTopicValidator(name, func(context.Context, peer.ID, *pubsub.Message) pubsub.ValidationResult {
		return pubsub.ValidationReject
	})
	if err != nil {
		return fmt.Errorf("register the validator of topic %s: %w", name, err)
	}
	return nil
}

// subscribe joins a topic and hands on its messages until ctx is done.
func (n *node) subscribe(ctx context.Context, name string, on func(*pubsub.Message)) (*pubsub.Topic, error) {
	topic, err := n.pubsub.Join(name)
	if err != nil {
		return nil, fmt.Errorf("join topic %s: %w", name, err)
	}
	messages, err := topic.Subscribe(pubsub.WithBufferSize(validateQueue))
	if err != nil {
		return nil, fmt.Errorf("subscribe to topic %s: %w", name, err)
	}
	n.tasks.Go(func() {
		defer messages.Cancel()
		for {
			m, err := messages.Next(ctx)
			if err != nil {
				return
			}
			on(m)
		}
	})
	return topic, nil
}

func (n *node) onHeartbeat(m *pubsub.Message) {
	var h Heartbeat
	if len(m.Data) <= maxMessage && json.Unmarshal(m.Data, &h) == nil && h.NodeID == m.GetFrom().String() {
		n.election.observe(h)
	}
}

func (n *node) onAnnouncement(m *pubsub.Message) {
	from := m.GetFrom()
	if from == n.host.ID() || len(m.Data) > maxMessage {
		return
	}
	var a announcement
	if json.Unmarshal(m.Data, &a) == nil && a.NodeID == from.String() {
		n.election.hear(time.Now(), from, a)
	}
}

// elect takes part in the election until ctx is done: it announces the node, and while the node leads it sends
// heartbeats, the first at once.
func (n *node) elect(ctx context.Context) {
	ticker := time.NewTicker(n.config.HeartbeatInterval / ticksPerInterval)
	defer ticker.Stop()
	var led uint64 // the term of the last heartbeat, 0 without leadership
	for tick, beat := 0, 0; ; tick++ {
		leads, term := n.election.step(time.Now())
		if leads && led != term || tick%(ticksPerInterval/2) == 0 {
			n.publish(ctx, n.topics.members, n.election.announce())
		}
		switch {
		case !leads:
			led = 0
		case led != term:
			level.Info(n.logger).Log("msg", "Leading in a new term")
			led, beat = term, tick
			fallthrough
		case (tick-beat)%ticksPerInterval == 0:
			n.publish(ctx, n.topics.heartbeat, n.election.heartbeat(time.Now()))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (n *node) publish(ctx context.Context, topic *pubsub.Topic, message any) {
	data, err := json.Marshal(message)
	if err == nil {
		err = topic.Publish(ctx, data)
	}
	if err != nil && ctx.Err() == nil {
		level.Warn(n.logger).Log("msg", "Publishing", "err", err)
	}
}
