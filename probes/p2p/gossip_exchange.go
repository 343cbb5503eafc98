package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chorus/probes"
)

// gossipLinger is for further copies of what has arrived.
const gossipLinger = 50 * time.Millisecond

// exchange publishes and waits for the witness.
func (r *gossipRun) exchange(ctx context.Context, mode GossipMode) (probes.Result, error) {
	s, m := r.s, r.g.metrics
	s.sequence++
	e := newGossipExpect(mode, s.sequence, m.integrity.Inc)
	s.inspector.run.Store(e)
	m.begin(e)
	heard := s.inspector.heard.Load()
	if err := r.publish(ctx, e); err != nil {
		return r.result(mode, e), err
	}
	again := time.NewTimer(time.Until(r.end) / 3)
	defer again.Stop()
	var doubt *gossipDoubt
	defer func() {
		if doubt != nil {
			doubt.end()
		}
	}()
	for {
		select {
		case <-e.news:
			if first, err := e.verdict(); first != nil {
				return r.pass(ctx, e, *first), nil
			} else if err != nil {
				return r.result(mode, e), probes.WithReason(probes.ReasonIntegrity, err)
			}
		case <-again.C:
			doubt = s.doubt(ctx, r.sides(mode)...)
			if err := r.publish(ctx, e); err != nil {
				return r.result(mode, e), err
			}
		case <-ctx.Done():
			if doubt == nil || time.Now().Before(r.end) { // somebody cancelled it
				return r.result(mode, e), fmt.Errorf("wait for the message: %w", context.Cause(ctx))
			}
			return r.fail(e, doubt, heard)
		}
	}
}

// publish sends the next try.
func (r *gossipRun) publish(ctx context.Context, e *gossipExpect) error {
	side := r.sides(e.mode)[0]
	if err := side.topic.Publish(ctx, e.next(min(r.g.options.Answer.Wanted, len(r.x.exporters)))); err != nil {
		return probes.WithReason(probes.ReasonError, fmt.Errorf("publish on %s: %w", side.leg.Name(), err))
	}
	return nil
}

// pass lingers for further copies or answers, and reports.
func (r *gossipRun) pass(ctx context.Context, e *gossipExpect, first gossipArrival) probes.Result {
	linger, wanted := gossipLinger, r.s.trace.meshPeers()
	if e.mode == GossipAnswered {
		linger, wanted = gossipSlots*gossipSlot, min(r.g.options.Answer.Wanted, len(r.x.exporters))
		r.g.metrics.rtt.Observe(first.took.Seconds())
	} else {
		r.g.metrics.oneway.Observe(first.took.Seconds())
	}
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for lingering := true; lingering; {
		if copies, answers := e.counts(); max(copies, answers) >= wanted {
			break
		}
		select {
		case <-e.news:
		case <-timer.C:
			lingering = false
		case <-ctx.Done():
			lingering = false
		}
	}
	res := r.result(e.mode, e)
	res.Message = "message relayed by other nodes"
	res.Details["try"] = first.try + 1
	res.Details["last_hop"] = first.via.String()
	if e.mode == GossipAnswered {
		res.Message = "ping answered by other exporters"
		res.Details["rtt_seconds"] = first.took.Seconds()
		res.Details["answered_by"] = first.from.String()
	} else {
		res.Details["oneway_seconds"] = first.took.Seconds()
	}
	return res
}

// fail reports a run without a witness, and has silent legs reset.
func (r *gossipRun) fail(e *gossipExpect, doubt *gossipDoubt, heard uint64) (probes.Result, error) {
	res := r.result(e.mode, e)
	what := "the message did not come through the cluster"
	if e.mode == GossipAnswered {
		what = "no exporter answered the ping"
	}
	doubt.end()
	silent := r.s.silent(doubt, heard, r.sides(e.mode))
	for i, side := range r.sides(e.mode) {
		what += fmt.Sprintf("; leg %s: %d of %d nodes answer pings", side.leg.Name(), doubt.alive[i], doubt.asked[i])
	}
	r.reset(res, silent)
	return res, probes.WithReason(probes.ReasonTimeout, errors.New(what))
}

// reset has legs reset before the next run, and says so in the result.
func (r *gossipRun) reset(res probes.Result, legs []GossipLeg) {
	if len(legs) == 0 {
		return
	}
	var names []string
	for _, leg := range legs {
		names = append(names, leg.Name())
	}
	res.Details["silent_legs"] = names
	r.s.reset(legs)
}

// result is what every outcome tells.
func (r *gossipRun) result(mode GossipMode, e *gossipExpect) probes.Result {
	nodes := slices.Concat(r.s.topicPeers(r.s.a), r.s.topicPeers(r.s.b))
	slices.Sort(nodes)
	onTopic := len(slices.Compact(nodes))
	r.g.metrics.look(onTopic)
	d := map[string]any{
		"mode":           string(mode),
		"topic_peers":    onTopic,
		"mesh_peers":     r.s.trace.meshPeers(),
		"receiver_peers": len(r.s.connected(r.s.b)),
	}
	if r.s.a.leg != nil {
		d["publisher_peers"] = len(r.s.connected(r.s.a))
	}
	if e == nil {
		return probes.Result{Details: d}
	}
	copies, answers := e.counts()
	if mode == GossipAnswered {
		d["responders"] = answers
	} else {
		d["copies"] = copies
	}
	return probes.Result{Details: d}
}
