package p2p

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Defaults of HeartbeatOptions.
const (
	DefaultHeartbeatTopic   = "CHORUS/admin/heartbeat/v1"
	DefaultHeartbeatMaxSkew = 2 * time.Hour
)

// Heartbeat is what a leader said of itself: genuine, of an author that is believed, and not said before.
type Heartbeat struct {
	Author   peer.ID
	Node     string // the author's configured name
	Term     uint64
	Uptime   time.Duration // 0: not sent
	Sent     time.Time     // by the author's clock
	Received time.Time     // by ours, with monotonic reading
}

// HeartbeatOptions configure Heartbeats.
type HeartbeatOptions struct {
	// PubSub returns the instance to listen on, and may wait for it; Run calls it once. Required. Its signature policy
	// must be StrictSign, the default.
	PubSub func(context.Context) (*pubsub.PubSub, error)
	// Guard is that of an instance of ours, and is told of the topic. Nil: the instance belongs to a node of the cluster.
	// Then nothing is registered with it that could change what that node relays, and heartbeats are judged when they
	// come out of the subscription.
	Guard *Guard
	// Joined is the handle of a program that has joined the topic already; it stays the program's.
	Joined *pubsub.Topic
	Topic  string // default DefaultHeartbeatTopic
	Fields HeartbeatFields
	// Authors are those who are believed, and their names; required. Nobody else's heartbeats count.
	Authors map[peer.ID]string
	// MaxSkew is how far an author's clock may be from ours; default DefaultHeartbeatMaxSkew. It is also how old a
	// heartbeat may be that is taken for new by us who have heard no newer one, as after a start.
	MaxSkew time.Duration
	// OnHeartbeat is told of every heartbeat in Run's goroutine; required.
	OnHeartbeat func(Heartbeat)
	// OnRefused is told why a message was refused: one of the Refused words. A flood may come through here, from several
	// goroutines, pubsub's loop among them: it must return at once. May be nil.
	OnRefused func(reason string)
	Logger    log.Logger
}

// Heartbeats listens to the heartbeats of leaders. It says nothing on the topic itself. Only statements that their
// author signed count, and only once: each must be newer than the last of its author, by the time it carries or by its
// term. So nobody keeps a dead leader alive by repeating it. A leader whose clock is set back is silent, for us, until
// its clock has passed what it was, or the next term.
type Heartbeats struct {
	options HeartbeatOptions
	logger  log.Logger

	mu      sync.Mutex // guards what Apply replaces, and the authors' memory
	fields  HeartbeatFields
	maxSkew time.Duration
	authors map[peer.ID]*author
}

// NewHeartbeats checks the options and tells the Guard of the topic; it starts nothing.
func NewHeartbeats(o HeartbeatOptions) (*Heartbeats, error) {
	if o.Topic == "" {
		o.Topic = DefaultHeartbeatTopic
	}
	if o.OnRefused == nil {
		o.OnRefused = func(string) {}
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	if o.PubSub == nil || o.OnHeartbeat == nil {
		return nil, errors.New("heartbeats: PubSub and OnHeartbeat are required")
	}
	h := &Heartbeats{options: o, logger: log.With(o.Logger, "component", "election")}
	if err := h.Apply(o.Authors, o.Fields, o.MaxSkew); err != nil {
		return nil, err
	}
	return h, nil
}

// Apply puts other authors, fields and another skew into force, or none if one is wrong; zero values mean the defaults.
// What was heard of an author that stays is remembered. Another topic needs new Heartbeats.
func (h *Heartbeats) Apply(authors map[peer.ID]string, fields HeartbeatFields, maxSkew time.Duration) error {
	if maxSkew == 0 {
		maxSkew = DefaultHeartbeatMaxSkew
	}
	err := errors.Join(fields.complete(), checkAuthors(authors))
	if maxSkew < 0 {
		err = errors.Join(err, fmt.Errorf("clock skew %s is negative: give a positive duration, or 0 for %s",
			maxSkew, DefaultHeartbeatMaxSkew))
	}
	if err != nil {
		return fmt.Errorf("heartbeats: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.options.Guard != nil {
		err := h.options.Guard.Allow(h.options.Topic, TopicPolicy{
			Authors: slices.Collect(maps.Keys(authors)), MaxBytes: MaxHeartbeatBytes, OnRefused: h.options.OnRefused,
		})
		if err != nil {
			return fmt.Errorf("heartbeats: %w", err)
		}
	}
	h.fields, h.maxSkew = fields, maxSkew
	h.authors = remember(h.authors, authors)
	return nil
}

// Run listens until ctx is done, then returns nil. Pubsub tells nobody that it has ended, so ctx should end with it.
func (h *Heartbeats) Run(ctx context.Context) error {
	err := h.run(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end of ctx is the end that was asked for
	}
	return fmt.Errorf("listen to heartbeats on %s: %w", h.options.Topic, err)
}

func (h *Heartbeats) run(ctx context.Context) error {
	ps, err := h.options.PubSub(ctx)
	if err != nil {
		return err
	}
	l, err := listen(ps, h.options.Guard, h.options.Topic, h.options.Joined, h.validate)
	if err != nil {
		return err
	}
	defer l.close()
	level.Debug(h.logger).Log("msg", "Listening to heartbeats")
	for {
		m, err := l.messages.Next(ctx)
		if err != nil {
			return err
		}
		if h.options.Guard == nil {
			h.validate(ctx, m.ReceivedFrom, m)
		}
		if beat, ok := m.ValidatorData.(Heartbeat); ok {
			h.options.OnHeartbeat(beat)
		}
	}
}

// validate judges a message, and leaves the heartbeat in its ValidatorData. What is refused is ignored, not rejected:
// that would be held against the neighbour who brought it and can't know whom we believe.
func (h *Heartbeats) validate(_ context.Context, _ peer.ID, m *pubsub.Message) pubsub.ValidationResult {
	m.ValidatorData = nil
	beat, reason := h.judge(m.GetFrom(), m.GetData(), time.Now())
	if reason != "" {
		h.options.OnRefused(reason)
		return pubsub.ValidationIgnore
	}
	m.ValidatorData = beat
	return pubsub.ValidationAccept
}
