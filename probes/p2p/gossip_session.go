package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// gossipSession is one call of Run: two pubsub instances, one subscription, and what goes on in between.
type gossipSession struct {
	gossip    *Gossip
	ctx       context.Context // of Run; ends both instances
	a, b      gossipSide      // a is empty with mode answered alone
	sub       *pubsub.Subscription
	inspector *gossipInspector
	trace     *gossipTrace
	responder *gossipResponder // nil if it is to be silent
	sequence  uint64           // of the last run; guarded by Gossip.turn
	forgot    int              // runs in a row with a connected leg that knew no node on the topic; guarded by Gossip.turn

	mu        sync.Mutex
	resetting chan struct{} // closed when no reset is under way
	closed    bool
	work      sync.WaitGroup
}

// gossipSide is a leg with its instance.
type gossipSide struct {
	leg    GossipLeg
	ps     *pubsub.PubSub
	topic  *pubsub.Topic
	author peer.ID
}

// Run joins the topic on both legs and answers other exporters until ctx is done. Without it every run fails. A pubsub
// instance has no Close: its context, derived from ctx, ends it. Run may be called again after it has returned.
func (g *Gossip) Run(ctx context.Context) error {
	g.mu.Lock()
	if g.running {
		g.mu.Unlock()
		return errors.New("run gossip probe: already running")
	}
	g.running = true
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.running = false
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &gossipSession{gossip: g, ctx: ctx, resetting: make(chan struct{})}
	close(s.resetting)
	err := s.open()
	if err == nil {
		g.use(s)
		err = s.read()
		g.use(nil)
	}
	ended := ctx.Err() != nil
	cancel()
	s.close()
	if err != nil && !ended {
		return fmt.Errorf("run gossip probe: %w", err)
	}
	return nil
}

// use makes s the session of later runs.
func (g *Gossip) use(s *gossipSession) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.session = s
	close(g.changed)
	g.changed = make(chan struct{})
}

// Receiver is the pubsub instance of leg B, for further topics (GossipOptions.Guard). It waits for Run; the instance ends
// with Run.
func (g *Gossip) Receiver(ctx context.Context) (*pubsub.PubSub, error) {
	s, err := g.started(ctx)
	if err != nil {
		return nil, err
	}
	return s.b.ps, nil
}

// started waits for Run.
func (g *Gossip) started(ctx context.Context) (*gossipSession, error) {
	for {
		g.mu.Lock()
		s, changed := g.session, g.changed
		g.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errors.New("the gossip probe is not running, call Run")
		}
	}
}

// open starts the instances.
func (s *gossipSession) open() error {
	o := &s.gossip.options
	if err := s.openPublisher(); err != nil {
		return err
	}
	s.b.leg, s.b.author = o.B, o.B.Host().ID()
	in := &gossipInspector{
		topic: o.Topic, self: s.b.author, author: s.a.author, signed: o.Params.signed(),
		exporter: s.gossip.isExporter, guard: o.Guard, rates: newRates(gossipRate, gossipBurst),
	}
	if s.a.leg != nil {
		in.publisher = s.a.leg.Host().ID()
	}
	s.inspector = in
	s.trace = &gossipTrace{topic: o.Topic, inspector: in, mesh: make(map[peer.ID]bool)}
	var err error
	more := append([]pubsub.Option{pubsub.WithRawTracer(s.trace)}, o.Params.B...)
	if o.Guard != nil {
		more = append(more, pubsub.WithRawTracer(o.Guard.Tracer()))
	}
	s.b.ps, err = pubsub.NewGossipSub(s.ctx, o.Params.screened(o.B.Host(), in), o.Params.options(in, more)...)
	if err != nil {
		return fmt.Errorf("start pubsub on %s: %w", o.B.Name(), err)
	}
	if s.b.topic, err = s.b.ps.Join(o.Topic); err != nil {
		return fmt.Errorf("join topic %s on %s: %w", o.Topic, o.B.Name(), err)
	}
	// What we publish ourselves is delivered at once, with nobody connected: it must not be heard.
	s.sub, err = s.b.topic.Subscribe(pubsub.WithBufferSize(gossipQueue),
		pubsub.WithMessageFilter(func(m *pubsub.Message) bool { return m.ReceivedFrom != s.b.leg.Host().ID() }))
	if err != nil {
		return fmt.Errorf("subscribe to topic %s on %s: %w", o.Topic, o.B.Name(), err)
	}
	if !o.Answer.Silent {
		exporters := func() int { return len(s.gossip.settings.Load().exporters) }
		s.responder = newGossipResponder(s.ctx, s.b.author, exporters, func(data []byte) {
			if err := s.b.topic.Publish(s.ctx, data); err != nil && s.ctx.Err() == nil {
				level.Warn(s.log()).Log("msg", "Answer not published", "err", err)
			}
		})
	}
	return nil
}

// openPublisher starts the publishing instance, or takes the program's own.
func (s *gossipSession) openPublisher() (err error) {
	o, own := &s.gossip.options, s.gossip.publisher
	switch {
	case own.PubSub != nil:
		s.a = gossipSide{leg: gossipOwnHost{own.Host}, ps: own.PubSub, topic: own.Topic, author: own.Author}
	case o.A != nil:
		s.a = gossipSide{leg: o.A, author: o.A.Host().ID()}
		in := &gossipInspector{topic: o.Topic, signed: true} // without authors it lets no message in
		s.a.ps, err = pubsub.NewGossipSub(s.ctx, o.Params.screened(o.A.Host(), in), o.Params.options(in, o.Params.A)...)
		if err != nil {
			return fmt.Errorf("start pubsub on %s: %w", o.A.Name(), err)
		}
	default:
		return nil
	}
	if s.a.topic == nil {
		if s.a.topic, err = s.a.ps.Join(o.Topic, pubsub.FanoutOnly()); err != nil {
			return fmt.Errorf("join topic %s on %s: %w", o.Topic, s.a.leg.Name(), err)
		}
	}
	return nil
}

// close ends what open and read have begun, the instances apart: their context is done.
func (s *gossipSession) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Wait()
	if s.responder != nil {
		s.responder.wait()
	}
	if own := s.gossip.publisher; own.PubSub != nil && own.Topic == nil && s.a.topic != nil {
		_ = s.a.topic.Close() // the program's pubsub may have ended before us, and has nothing to close then
	}
}

// read takes in what leg B receives until ctx is done.
func (s *gossipSession) read() error {
	for {
		m, err := s.sub.Next(s.ctx)
		switch {
		case s.ctx.Err() != nil:
			return nil //nolint:nilerr // the end that was asked for
		case err != nil:
			return fmt.Errorf("read topic %s on %s: %w", s.gossip.options.Topic, s.b.leg.Name(), err)
		}
		s.take(m.GetFrom(), m.ReceivedFrom, m.GetData(), time.Now())
	}
}

// take gives a message to whom it concerns. Its signature was checked, and the inspector found author and size right.
func (s *gossipSession) take(author, via peer.ID, data []byte, now time.Time) {
	e := s.inspector.run.Load()
	if author == s.a.author || !s.inspector.signed {
		if e != nil && via != s.a.leg.Host().ID() {
			e.relayed(author, via, data, now)
		}
		return
	}
	m, ok := parseGossip(data)
	switch {
	case !ok || !s.inspector.isExporter(author):
	case m.kind == gossipPing && s.responder != nil:
		s.responder.ping(author, m, now)
	case m.kind == gossipPong:
		if e != nil {
			e.answered(author, via, m, now)
		}
		if s.responder != nil {
			s.responder.pong(author, m)
		}
	}
}

// topicPeers are the nodes on the topic that a side knows of, our own legs left out.
func (s *gossipSession) topicPeers(side gossipSide) []peer.ID {
	if side.ps == nil {
		return nil
	}
	return slices.DeleteFunc(side.ps.ListPeers(s.gossip.options.Topic), s.ours)
}

// connected are the nodes that a side is connected to, our own legs left out.
func (s *gossipSession) connected(side gossipSide) []peer.ID {
	if side.leg == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(side.leg.Connected()), s.ours)
}

func (s *gossipSession) ours(id peer.ID) bool {
	return id == s.b.leg.Host().ID() || s.a.leg != nil && id == s.a.leg.Host().ID()
}

func (s *gossipSession) log() log.Logger {
	return log.With(s.gossip.options.Logger, "component", "pubsub")
}
