package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Defaults of GossipOptions.
const (
	DefaultGossipTopic  = "CHORUS/health-test/v1"
	DefaultGossipWait   = 10 * time.Second
	DefaultGossipWanted = 3
)

// GossipWarmUp is how old a connection must be before a run publishes, with GossipSub's default heartbeat of a second:
// meshes form in it. A run that has less time fails as warming_up after every reconnect.
const GossipWarmUp = gossipHeartbeats * time.Second

// GossipMode says who bears witness that a message travelled.
type GossipMode string

const (
	// GossipAuto is relayed where both legs have nodes on the topic, else answered if exporters are configured.
	GossipAuto GossipMode = "auto"
	// GossipRelayed lets leg A publish and leg B receive what the cluster's nodes pass on.
	GossipRelayed GossipMode = "relayed"
	// GossipAnswered asks other exporters to answer. Leg B does both, asking and hearing.
	GossipAnswered GossipMode = "answered"
)

// GossipLeg is what the probe needs of a leg; *Leg is one. Its methods must be safe for concurrent use.
type GossipLeg interface {
	Host() host.Host           // the same for the leg's whole life
	Name() string              // for logs and messages
	Connected() []peer.ID      // nodes that are connected now
	ConnectedSince() time.Time // when the newest of these connections was made; zero if that does not matter
	// Reset closes every connection and dials again. It counts itself as chorus_p2p_leg_resets_total.
	Reset(ctx context.Context) error
}

// GossipAnswer says how exporters answer one another.
type GossipAnswer struct {
	// Exporters are the peer ids of the other exporters' receiving legs: nobody else is answered or believed. Ours may
	// stand among them, so that all exporters can have the same list.
	Exporters []peer.ID
	// Wanted is how many answers a ping asks for; default DefaultGossipWanted, at most MaxGossipWanted. One proves it.
	Wanted int
	// Silent switches off our own answers.
	Silent bool
}

// GossipOptions says what a Gossip probe works with.
type GossipOptions struct {
	// A publishes, B receives. They must be attached to disjoint halves of the cluster and forbidden to meet. The probe
	// installs a pubsub instance on each, so nothing else may. B is required; A may be left out with GossipAnswered.
	A, B GossipLeg
	// Topic is the probe's own; default DefaultGossipTopic. At least one node of the cluster must be on it.
	Topic string
	// Mode defaults to GossipAuto.
	Mode GossipMode
	// Wait bounds one run; default DefaultGossipWait. A run never takes longer than its context less a second.
	Wait   time.Duration
	Answer GossipAnswer
	// Params must match the cluster's: other protocols or signatures mean silence.
	Params GossipParams
	// Guard lets further topics in at leg B, for whoever subscribes to them through Receiver. Without it nothing but the
	// probe's own topic gets in. Optional.
	Guard *Guard
	// Logger gets what Run does on its own.
	Logger log.Logger
}

// Gossip is a Probe: one message goes through other peers of a GossipSub network and comes back unchanged. It is a
// prometheus.Collector too. It works while Run runs.
type Gossip struct {
	options   GossipOptions   // what Apply can change stands in settings
	publisher GossipPublisher // instead of leg A
	metrics   *gossipMetrics
	settings  atomic.Pointer[gossipSettings]

	turn chan struct{} // holds a token: one run at a time

	mu      sync.Mutex
	running bool
	session *gossipSession // nil while Run does not run
	changed chan struct{}  // closed when session changes
}

// NewGossip checks the options. It starts nothing: Run does.
func NewGossip(o GossipOptions) (*Gossip, error) { return newGossip(GossipPublisher{}, o) }

func newGossip(p GossipPublisher, o GossipOptions) (*Gossip, error) {
	o.Topic = cmp.Or(o.Topic, DefaultGossipTopic)
	o.Answer.Wanted = cmp.Or(o.Answer.Wanted, DefaultGossipWanted)
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	if err := o.Params.complete(); err != nil {
		return nil, fmt.Errorf("new gossip probe: %w", err)
	}
	g := &Gossip{
		options: o, publisher: p, metrics: newGossipMetrics(), turn: make(chan struct{}, 1), changed: make(chan struct{}),
	}
	if err := g.Apply(GossipSettings{o.Mode, o.Wait, o.Answer.Exporters}); err != nil {
		return nil, fmt.Errorf("new gossip probe: %w", err)
	}
	return g, nil
}

// check says what is wrong with the options.
func (o *GossipOptions) check(p GossipPublisher) error {
	switch {
	case o.B == nil:
		return errors.New("no receiving leg, set GossipOptions.B")
	case o.Mode != GossipAuto && o.Mode != GossipRelayed && o.Mode != GossipAnswered:
		return fmt.Errorf("mode %q: use auto, relayed or answered", o.Mode)
	case o.A == nil && p.PubSub == nil && o.Mode != GossipAnswered:
		return fmt.Errorf("mode %s needs a publishing leg, set GossipOptions.A", o.Mode)
	case o.A != nil && p.PubSub != nil:
		return errors.New("two publishers, leave out GossipOptions.A")
	case o.A != nil && o.A.Host().ID() == o.B.Host().ID(), p.PubSub != nil && p.Host.ID() == o.B.Host().ID():
		return errors.New("both legs have the same peer id: a message would only go round ourselves, use two hosts")
	case o.Wait < 0:
		return fmt.Errorf("wait %v must be positive", o.Wait)
	}
	return o.checkAnswer()
}

// checkAnswer says what is wrong with the options of answers.
func (o *GossipOptions) checkAnswer() error {
	switch {
	case o.Answer.Wanted < 1 || o.Answer.Wanted > MaxGossipWanted:
		return fmt.Errorf("%d answers wanted, use 1 to %d", o.Answer.Wanted, MaxGossipWanted)
	case len(o.Answer.Exporters) > 0 && !o.Params.signed():
		return errors.New("answers of exporters can't be believed without signatures, leave out Answer.Exporters")
	case o.Mode == GossipAnswered && len(o.Answer.Exporters) == 0:
		return errors.New("mode answered needs the peer ids of other exporters, set Answer.Exporters")
	}
	return nil
}
