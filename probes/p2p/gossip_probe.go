package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chorus/probes"
)

const (
	gossipHeartbeats = 3           // that a new connection is given: the mesh forms in them
	gossipSpare      = time.Second // of the timeout is left to say what happened
	gossipStartWait  = time.Second // for a Run that has just been called
)

// Probe implements probes.Probe. One run waits until new connections are three heartbeats old, publishes, publishes once
// more when a third of the time left has passed, and fails at the end of the wait. Runs take turns.
func (g *Gossip) Probe(ctx context.Context) (probes.Result, error) {
	x := g.settings.Load()
	r := &gossipRun{g: g, x: x, end: x.deadline(ctx, time.Now())}
	res, err := r.probe(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		err = probes.WithReason(probes.ReasonCanceled, err)
	}
	return res, err
}

// deadline is when a run that starts now gives up: after the wait, or a second before its context does. Of a context that has
// less than two seconds it takes half.
func (x *gossipSettings) deadline(ctx context.Context, now time.Time) time.Time {
	end := now.Add(x.wait)
	if last, ok := ctx.Deadline(); ok {
		left := last.Sub(now)
		if own := now.Add(max(left-gossipSpare, left/2)); own.Before(end) {
			end = own
		}
	}
	return end
}

// gossipRun is one run.
type gossipRun struct {
	g   *Gossip
	x   *gossipSettings // of the whole run
	s   *gossipSession
	end time.Time
}

// sides are those a mode needs, the publisher first.
func (r *gossipRun) sides(mode GossipMode) []gossipSide {
	if mode == GossipAnswered {
		return []gossipSide{r.s.b}
	}
	return []gossipSide{r.s.a, r.s.b}
}

func (r *gossipRun) probe(ctx context.Context) (probes.Result, error) {
	ctx, cancel := context.WithDeadline(ctx, r.end)
	defer cancel()
	select {
	case r.g.turn <- struct{}{}:
		defer func() { <-r.g.turn }()
	case <-ctx.Done():
		return probes.Result{}, probes.WithReason(probes.ReasonTimeout, errors.New("another run of the probe has not ended"))
	}
	start, stop := context.WithTimeout(ctx, gossipStartWait)
	s, err := r.g.started(start)
	stop()
	if err != nil {
		return probes.Result{}, probes.WithReason(probes.ReasonError, err)
	}
	r.s = s
	mode, err := r.ready(ctx)
	forgetful := r.forgetful(err)
	if err != nil {
		res := r.result(mode, nil)
		r.reset(res, forgetful)
		return res, err
	}
	r.s.reset(forgetful) // of a mode that auto would rather have used
	return r.exchange(ctx, mode)
}

// ready chooses the mode and waits until its legs have been connected long enough.
func (r *gossipRun) ready(ctx context.Context) (GossipMode, error) {
	if !within(ctx, r.s.settled()) {
		return r.x.mode, probes.WithReason(probes.ReasonWarmingUp, errors.New("a silent leg is being dialled again"))
	}
	for waited := false; ; waited = true {
		mode, warm, fault := r.choose(time.Now())
		// Once is enough where somebody is on the topic: a node that comes and goes is not what holds the others up.
		if warm <= 0 || waited && fault == nil {
			return mode, fault
		}
		if !within(ctx, time.After(warm)) {
			return mode, probes.WithReason(probes.ReasonWarmingUp,
				fmt.Errorf("connected too short a time ago: the mesh needs %v more", warm.Round(time.Millisecond)))
		}
	}
}

// choose says which mode can work, or why none can, and how long the connections of its legs are still too young. While
// they are, the lack of nodes on the topic says nothing.
func (r *gossipRun) choose(now time.Time) (mode GossipMode, warm time.Duration, fault error) {
	mode = r.x.mode
	if mode == GossipAuto {
		mode = GossipRelayed
	}
	warm, fault = r.able(mode, now)
	if fault == nil || r.x.mode != GossipAuto || len(r.x.exporters) == 0 {
		return mode, warm, fault
	}
	if young, other := r.able(GossipAnswered, now); other == nil && warm <= 0 {
		return GossipAnswered, young, nil
	}
	return mode, warm, fault
}

// able says whether a mode can work now.
func (r *gossipRun) able(mode GossipMode, now time.Time) (warm time.Duration, fault error) {
	for _, side := range r.sides(mode) {
		if len(r.s.connected(side)) == 0 {
			return 0, probes.WithReason(probes.ReasonNoPeers,
				fmt.Errorf("leg %s is not connected to any node", side.leg.Name()))
		}
		if since := side.leg.ConnectedSince(); !since.IsZero() {
			needed := gossipHeartbeats * r.g.options.Params.Router.HeartbeatInterval
			warm = max(warm, needed-now.Sub(since))
		}
	}
	for _, side := range r.sides(mode) {
		if len(r.s.topicPeers(side)) == 0 {
			return warm, probes.WithReason(probes.ReasonNoTopicPeers,
				fmt.Errorf("no node that leg %s is connected to is on topic %s", side.leg.Name(), r.g.options.Topic))
		}
	}
	return warm, nil
}

// within waits for ch, and says whether it came before the end of ctx.
func within[T any](ctx context.Context, ch <-chan T) bool {
	select {
	case <-ch:
		return true
	case <-ctx.Done():
		return false
	}
}
