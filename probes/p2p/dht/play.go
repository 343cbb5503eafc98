package dht

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// payloadBytes of chance make every value one that nobody could have kept from before.
const payloadBytes = 16

// takeTurn makes the caller the only one who puts, until it calls done.
func (d *Probe) takeTurn(ctx context.Context) (done func(), err error) {
	select {
	case d.turn <- struct{}{}:
		return func() { <-d.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another put: %w", ctx.Err())
	}
}

// play puts a fresh value to the nodes closest to our slot and asks each what it holds. An error says that nobody could
// be asked; the round is there even then.
func (d *Probe) play(ctx context.Context) (*dhtRound, error) {
	r := &dhtRound{}
	n, err := d.attached()
	if err != nil {
		return r, err
	}
	if err := d.awaitServers(ctx, n); err != nil {
		r.connected = len(n.host.Network().Peers())
		return r, err
	}
	near, complete := d.nearest(ctx, n, n.slot.key)
	r.connected, r.servers, r.complete = len(n.host.Network().Peers()), len(n.servers()), complete
	r.replies = make([]dhtReply, len(near))
	d.readBack(ctx, n, near)
	value, err := d.freshValue(n, r)
	if err != nil {
		return r, err
	}
	d.putAll(ctx, n, near, value, r)
	if err := sleep(ctx, d.options.PropagationWait); err != nil {
		return r, fmt.Errorf("wait for propagation: %w", err)
	}
	d.getAll(ctx, n, near, value, r)
	return r, nil
}

// readBack learns, once after a start, which sequence the nodes hold.
func (d *Probe) readBack(ctx context.Context, n *dhtNode, near []peer.ID) {
	d.mu.Lock()
	known := d.seq.read
	d.mu.Unlock()
	if known {
		return
	}
	d.ask(ctx, stepShare, near, func(ctx context.Context, _ int, p peer.ID) {
		value, found, err := n.get(ctx, p, n.slot.key)
		if err != nil {
			return
		}
		var sequence uint64
		if found {
			sequence, _ = n.slot.verify(value) // what is not ours is judged after the put
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.seq.read = true
		d.seq.saw(sequence)
	})
}

// freshValue signs a value that was never there before.
func (d *Probe) freshValue(n *dhtNode, r *dhtRound) ([]byte, error) {
	payload := make([]byte, payloadBytes)
	_, _ = rand.Read(payload) // never fails
	now := d.now()
	d.mu.Lock()
	r.sequence = d.seq.next(now)
	d.mu.Unlock()
	return n.slot.sign(r.sequence, now, payload)
}

func (d *Probe) putAll(ctx context.Context, n *dhtNode, near []peer.ID, value []byte, r *dhtRound) {
	start := time.Now()
	d.ask(ctx, stepShare, near, func(ctx context.Context, i int, p peer.ID) {
		acked, err := n.put(ctx, p, n.slot.key, value)
		answer := &r.replies[i]
		answer.acked, answer.late = acked, ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
		if err == nil {
			answer.putTook = time.Since(start)
		}
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq.put, d.seq.putAt = r.sequence, time.Now()
}

// getAll asks every node directly, which repairs nothing.
func (d *Probe) getAll(ctx context.Context, n *dhtNode, near []peer.ID, value []byte, r *dhtRound) {
	start := time.Now()
	d.ask(ctx, lastShare, near, func(ctx context.Context, i int, p peer.ID) {
		got, found, err := n.get(ctx, p, n.slot.key)
		if err != nil {
			return
		}
		answer := &r.replies[i]
		answer.getTook = time.Since(start)
		answer.verdict, answer.sequence = judge(n.slot, r.sequence, value, got, found, answer.acked)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, answer := range r.replies {
		d.seq.saw(answer.sequence)
	}
}
