package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// DefaultFleetTopic is the default of FleetOptions.Topic.
const DefaultFleetTopic = "CHORUS/exporter-fleet/v1"

// Bounds of FleetOptions.Interval. Three of the longest are half an hour in which a dead member passes for a live one.
const (
	minFleetInterval = fleetGap
	maxFleetInterval = 10 * time.Minute
)

// What an unseen member counts for: FleetOptions.Unseen.
const (
	FleetUnseenHold   = "hold"   // for an unhealthy one: who can't be asked permits nothing
	FleetUnseenPermit = "permit" // for nothing: only those that were heard are asked
)

// FleetOptions configure a Fleet.
type FleetOptions struct {
	// PubSub returns the instance to listen and announce on, and may wait for it; Run calls it once. Required. Its
	// signature policy must be StrictSign, the default.
	PubSub func(context.Context) (*pubsub.PubSub, error)
	// Guard is that of an instance of ours, and is told of the topic. Nil: the instance belongs to a node of the cluster.
	// Then nothing is registered with it that could change what that node relays, and announcements are judged when they
	// come out of the subscription.
	Guard *Guard
	// Self is who our announcements are from: the host of that instance. Required.
	Self peer.ID
	// NodeID is ours as people know it. The others show it in their logs and nowhere else, cut to 128 bytes.
	NodeID string
	// Members are the other exporters, 1 to 1000; required. Nobody else is believed. Self among them is ignored, so all
	// may have the same list.
	Members []peer.ID
	Topic   string // default DefaultFleetTopic
	// Interval is how often each member announces itself, 250ms to 10m; required. All members should have the same: one
	// that was not heard for three of ours is unseen.
	Interval time.Duration
	// MaxUnhealthyRatio is the share of unhealthy members, this one included, over which rules may not stop it: over 0, to
	// 1. Required.
	MaxUnhealthyRatio float64
	// Unseen is FleetUnseenHold, the default, or FleetUnseenPermit.
	Unseen string
	// Status is what to announce. It is called often and from several goroutines, and must return at once. Required.
	Status func() FleetStatus
	Logger log.Logger
}

// Fleet tells the other exporters of a cluster the status of this one, and hears theirs, so that rules can hold a
// shutdown back: while too many others are unhealthy too, because then the cause is shared and a restart cures nothing,
// and while another goes first. It decides nothing; it is a prometheus.Collector of what the rules decide on.
//
// Only members count, by what they signed, each message once and only if it is newer than the last of its author. What is
// remembered is bounded by the number of members. A member whose clock is set back is silent, for us, until its clock has
// passed what it was, at most two hours.
type Fleet struct {
	options FleetOptions
	logger  log.Logger
	metrics *fleetMetrics
	changed chan struct{} // announce if what would be said is new
	joined  chan struct{} // announce: there is somebody new to tell, or another interval

	mu       sync.Mutex // guards what Apply and Judge replace, the members' memory, and sent
	members  map[peer.ID]*fleetMember
	interval time.Duration
	limit    float64
	hold     bool  // unseen members count as unhealthy
	sent     int64 // of our last announcement
}

// NewFleet checks the options and tells the Guard of the topic; it starts nothing.
func NewFleet(o FleetOptions) (*Fleet, error) {
	if o.Topic == "" {
		o.Topic = DefaultFleetTopic
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	if o.PubSub == nil || o.Status == nil || o.Self.Validate() != nil {
		return nil, errors.New("fleet: PubSub, Status and Self are required")
	}
	o.NodeID = printableNode(o.NodeID)
	f := &Fleet{
		options: o, logger: log.With(o.Logger, "component", "fleet"), metrics: newFleetMetrics(),
		changed: make(chan struct{}, 1), joined: make(chan struct{}, 1),
	}
	if err := f.Judge(o.MaxUnhealthyRatio, o.Unseen); err != nil {
		return nil, err
	}
	if err := f.Apply(o.Members, o.Interval); err != nil {
		return nil, err
	}
	return f, nil
}

// Apply puts other members and another interval into force, or neither if one is wrong. What was heard of a member that
// stays is remembered. Another topic needs a new Fleet.
func (f *Fleet) Apply(members []peer.ID, interval time.Duration) error {
	if err := checkFleet(f.options.Self, members, interval); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	remembered := rememberMembers(f.members, f.options.Self, members)
	if f.options.Guard != nil {
		policy := TopicPolicy{MaxBytes: MaxFleetBytes, OnRefused: f.metrics.count}
		for id := range remembered {
			policy.Authors = append(policy.Authors, id)
		}
		if err := f.options.Guard.Allow(f.options.Topic, policy); err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
	}
	f.members, f.interval = remembered, interval
	poke(f.joined)
	return nil
}

// Judge puts another share of unhealthy members and another meaning of unseen ones into force, as
// FleetOptions.MaxUnhealthyRatio and Unseen, or neither if one is wrong.
func (f *Fleet) Judge(maxUnhealthyRatio float64, unseen string) error {
	if !(maxUnhealthyRatio > 0 && maxUnhealthyRatio <= 1) {
		return fmt.Errorf("fleet: share of unhealthy members %v: give a number over 0, to 1", maxUnhealthyRatio)
	}
	switch unseen {
	case "", FleetUnseenHold, FleetUnseenPermit:
	default:
		return fmt.Errorf("fleet: unseen members %q: give %s or %s", unseen, FleetUnseenHold, FleetUnseenPermit)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit, f.hold = maxUnhealthyRatio, unseen != FleetUnseenPermit
	return nil
}

// Changed says that Status may tell something new. If it does that is announced soon, a quarter of a second after the
// last announcement at the earliest, and at once if it is stopping. It never blocks.
func (f *Fleet) Changed() { poke(f.changed) }

// poke leaves a note that is read once, however often it was left.
func poke(note chan struct{}) {
	select {
	case note <- struct{}{}:
	default:
	}
}

// Run announces and listens until ctx is done, then returns nil. If Status is stopping by then and that was not announced
// yet, it is announced before; pubsub must live a moment longer than ctx for it to be sent. Pubsub tells nobody that it
// has ended, so ctx should end with it.
func (f *Fleet) Run(ctx context.Context) error {
	err := f.run(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the end of ctx is the end that was asked for
	}
	return fmt.Errorf("announce to the fleet on %s: %w", f.options.Topic, err)
}

func (f *Fleet) run(ctx context.Context) error {
	ps, err := f.options.PubSub(ctx)
	if err != nil {
		return err
	}
	l, err := listen(ps, f.options.Guard, f.options.Topic, nil, f.validate)
	if err != nil {
		return err
	}
	defer l.close()
	level.Debug(f.logger).Log("msg", "Announcing to the fleet")
	return f.talk(ctx, l.topic, l.messages)
}

// talk announces and listens until ctx is done or listening fails.
func (f *Fleet) talk(ctx context.Context, topic *pubsub.Topic, sub *pubsub.Subscription) error {
	events, err := topic.EventHandler()
	if err != nil {
		return err
	}
	defer events.Cancel()
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { f.announce(ctx, topic) })
	work.Go(func() {
		for {
			event, err := events.NextPeerEvent(ctx)
			if err != nil {
				return
			}
			if event.Type == pubsub.PeerJoin {
				poke(f.joined)
			}
		}
	})
	for {
		m, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		if f.options.Guard == nil {
			f.validate(ctx, m.ReceivedFrom, m)
		}
	}
}

// validate judges a message and counts it. What is refused is ignored, not rejected: that would be held against the
// neighbour who brought it and can't know whom we believe. Our own comes by here before it is sent.
func (f *Fleet) validate(_ context.Context, _ peer.ID, m *pubsub.Message) pubsub.ValidationResult {
	if m.GetFrom() == f.options.Self {
		return pubsub.ValidationAccept
	}
	result := f.judge(m.GetFrom(), m.GetData(), time.Now())
	f.metrics.count(result)
	if result != fleetAccepted {
		return pubsub.ValidationIgnore
	}
	return pubsub.ValidationAccept
}
