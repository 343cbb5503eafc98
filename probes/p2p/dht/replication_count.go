package dht

import (
	"bytes"
	"context"
	"math"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// keyCount is what was seen of one key. NaN is what nobody knows.
type keyCount struct {
	holders   float64 // nodes that hold it
	providers float64 // distinct providers on record; NaN for a value
	expected  float64 // nodes that should hold it: as many as there are, up to the bucket size
}

// unseen is the count of a key that could not be looked up.
func unseen() keyCount {
	return keyCount{holders: math.NaN(), providers: math.NaN(), expected: math.NaN()}
}

func (c keyCount) seen() bool { return !math.IsNaN(c.holders) }

// count asks the nodes closest to a key what they hold of it.
func (d *Probe) count(ctx context.Context, n *dhtNode, w watched) keyCount {
	if w.hash != nil {
		return d.countProviders(ctx, n, w)
	}
	return d.countValue(ctx, n, w.Key, func(value []byte) bool {
		return w.Value == nil && len(value) > 0 || w.Value != nil && bytes.Equal(value, w.Value)
	})
}

// countOwn counts the nodes that hold our own record: the last one whose puts have ended or, while the DHT probe is at
// it, a newer one.
func (d *Probe) countOwn(ctx context.Context, n *dhtNode) keyCount {
	if err := d.refresh(ctx); err != nil {
		return unseen()
	}
	d.mu.Lock()
	oldest := d.seq.put
	d.mu.Unlock()
	return d.countValue(ctx, n, n.slot.key, func(value []byte) bool {
		sequence, err := n.slot.verify(value)
		return err == nil && sequence >= oldest
	})
}

// refresh puts our own record unless a probe did so lately: the DHT checks may be switched off.
func (d *Probe) refresh(ctx context.Context) error {
	if d.putLately() {
		return nil
	}
	done, err := d.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if d.putLately() { // while we waited
		return nil
	}
	_, err = d.play(ctx)
	return err
}

func (d *Probe) putLately() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.seq.putAt.IsZero() && time.Since(d.seq.putAt) < recordRefresh
}

// countValue counts the nodes whose value for key is held.
func (d *Probe) countValue(ctx context.Context, n *dhtNode, key string, held func(value []byte) bool) keyCount {
	return d.tally(ctx, n, key, func(ctx context.Context, p peer.ID) (bool, error) {
		value, found, err := n.get(ctx, p, key)
		return found && held(value), err
	})
}

// countProviders counts the nodes that have a provider record, and the distinct providers of all of them.
func (d *Probe) countProviders(ctx context.Context, n *dhtNode, w watched) keyCount {
	var mu sync.Mutex
	distinct := make(map[peer.ID]struct{})
	c := d.tally(ctx, n, w.target(), func(ctx context.Context, p peer.ID) (bool, error) {
		ids, err := n.providers(ctx, p, w.hash)
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			if len(distinct) < maxProviders {
				distinct[id] = struct{}{}
			}
		}
		return len(ids) > 0, err
	})
	if c.seen() {
		c.providers = float64(len(distinct))
	}
	return c
}

// tally counts the nodes closest to target that hold what was asked for. If none answers, nothing is known.
func (d *Probe) tally(
	ctx context.Context, n *dhtNode, target string, holds func(context.Context, peer.ID) (bool, error),
) keyCount {
	near, _ := d.nearest(ctx, n, target)
	var mu sync.Mutex
	answers, holders := 0, 0
	d.ask(ctx, lastShare, near, func(ctx context.Context, _ int, p peer.ID) {
		held, err := holds(ctx, p)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			answers++
		}
		if err == nil && held {
			holders++
		}
	})
	if answers == 0 {
		return unseen()
	}
	expected := min(d.options.BucketSize, max(len(n.servers()), holders))
	return keyCount{holders: float64(holders), providers: math.NaN(), expected: float64(expected)}
}
