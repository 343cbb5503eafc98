package p2p

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log/level"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"

	"chorus/probes"
)

const (
	gossipAskAtMost   = 16               // nodes of a leg that are asked whether they live
	gossipResetWithin = 10 * time.Second // for a leg to close and dial again
)

// gossipDoubt finds out, while a run still waits for its message, which leg is to blame. A leg that has nothing to hear
// can't tell silence from death, so nodes are pinged: a hung one keeps its connections and counts as connected for half a
// minute.
type gossipDoubt struct {
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu           sync.Mutex
	asked, alive []int // nodes of each side, and those that answered
}

// doubt begins to ask.
func (s *gossipSession) doubt(ctx context.Context, sides ...gossipSide) *gossipDoubt {
	ctx, cancel := context.WithCancel(ctx)
	d := &gossipDoubt{cancel: cancel, asked: make([]int, len(sides)), alive: make([]int, len(sides))}
	for i, side := range sides {
		nodes := s.connected(side)
		nodes = nodes[:min(len(nodes), gossipAskAtMost)]
		d.asked[i] = len(nodes)
		for _, node := range nodes {
			d.work.Go(func() {
				if lives(ctx, side.leg, node) {
					d.mu.Lock()
					defer d.mu.Unlock()
					d.alive[i]++
				}
			})
		}
	}
	return d
}

// end stops asking.
func (d *gossipDoubt) end() {
	d.cancel()
	d.work.Wait()
}

// lives says whether a node says anything to a ping. That it does not know the protocol is an answer too.
func lives(ctx context.Context, leg GossipLeg, node peer.ID) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var res ping.Result
	select {
	case r, ok := <-ping.Ping(network.WithNoDial(ctx, "gossip probe"), leg.Host(), node):
		if !ok {
			return false
		}
		res = r
	case <-ctx.Done():
		return false
	}
	var n net.Error
	late := errors.As(res.Error, &n) && n.Timeout() || errors.Is(res.Error, context.DeadlineExceeded)
	return res.Error == nil || ctx.Err() == nil && !late && slices.Contains(leg.Connected(), node)
}

// silent are the legs to reset after a run without a message. B is silent if it received nothing at all since the message
// was published; without answers at A that is A's fault, unless B's nodes do not answer either. A, which has nothing to
// receive, is silent if its nodes do not answer.
func (s *gossipSession) silent(d *gossipDoubt, heard uint64, sides []gossipSide) []GossipLeg {
	var legs []GossipLeg
	publisherLives := true
	for i, side := range sides {
		lives := d.alive[i] > 0
		switch {
		case d.asked[i] == 0: // nothing connected, so nothing to reset
		case side.ps != s.b.ps:
			publisherLives = lives
			if _, own := side.leg.(gossipOwnHost); !lives && !own {
				legs = append(legs, side.leg)
			}
		case s.inspector.heard.Load() == heard && (publisherLives || !lives):
			legs = append(legs, side.leg)
		}
	}
	return legs
}

// forgetful returns the legs to reset because they are connected and know no node on the topic; err is why the run cannot
// begin, if so. A node announces a topic once per connection, and pubsub can forget that: when the node resets the stream
// that we write to, or when it takes in the end of an old connection after the start of a new one. Only a new connection
// helps. Where nobody is on the topic nothing does, so a reset follows the 1st, 2nd, 4th, 8th … run in a row.
func (r *gossipRun) forgetful(err error) (legs []GossipLeg) {
	if err != nil && probes.ReasonOf(err) != probes.ReasonNoTopicPeers {
		return nil // too early to tell
	}
	mode := r.x.mode
	if mode == GossipAuto {
		mode = GossipRelayed
	}
	for _, side := range r.sides(mode) {
		_, own := side.leg.(gossipOwnHost)
		if !own && len(r.s.connected(side)) > 0 && len(r.s.topicPeers(side)) == 0 {
			legs = append(legs, side.leg)
		}
	}
	if len(legs) == 0 {
		r.s.forgot = 0
		return nil
	}
	r.s.forgot++
	if r.s.forgot&(r.s.forgot-1) != 0 {
		return nil
	}
	return legs
}

// reset makes legs dial again, in the background; the next run waits for it. Subscriptions stay: a new connection announces
// them, while cancelling one sends PRUNE to live nodes and bars them from the mesh for ten seconds.
func (s *gossipSession) reset(legs []GossipLeg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(legs) == 0 {
		return
	}
	done := make(chan struct{})
	s.resetting = done
	s.work.Go(func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(s.ctx, gossipResetWithin)
		defer cancel()
		var all sync.WaitGroup
		for _, leg := range legs {
			all.Go(func() {
				level.Warn(s.log()).Log("msg", "Leg is connected and silent, dialling again", "peer", leg.Name())
				if err := leg.Reset(ctx); err != nil && s.ctx.Err() == nil {
					level.Warn(s.log()).Log("msg", "Leg not reset", "peer", leg.Name(), "err", err)
				}
			})
		}
		all.Wait()
	})
}

// settled is closed when no reset is under way.
func (s *gossipSession) settled() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resetting
}
