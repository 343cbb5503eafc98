package dht

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"chorus/probes"
)

// DefaultReplicationMinHolders is the default of ReplicationOptions.MinHolders: one node may be lost.
const DefaultReplicationMinHolders = 2

const (
	recordRefresh = 15 * time.Minute // age at which our own record is put again if no DHT probe does
	keysAtOnce    = 8                // keys that are looked up side by side
)

// ReplicationOptions says what to count.
type ReplicationOptions struct {
	// DHT is what to ask with. Required.
	DHT *Probe
	// Keys are watched besides the probe's own record.
	Keys []WatchedKey
	// MinHolders is how many nodes should hold every key; default DefaultReplicationMinHolders. A rule judges it.
	MinHolders int
}

// Replication is a Probe that counts, with direct requests to the nodes closest to every watched key, how many hold it.
// It fails when a key could not be looked up; how many holders are enough is for rules to judge. It also is a
// prometheus.Collector.
type Replication struct {
	dht     *Probe
	metrics replicationMetrics
	watch   atomic.Pointer[watch]
}

// watch is what to count. It is replaced as a whole.
type watch struct {
	keys       []watched
	minHolders int
}

// NewReplication checks the options and asks nobody.
func NewReplication(o ReplicationOptions) (*Replication, error) {
	if o.DHT == nil {
		return nil, errors.New("new replication probe: no DHT, set ReplicationOptions.DHT")
	}
	p := &Replication{dht: o.DHT, metrics: newReplicationMetrics()}
	if err := p.Apply(o.Keys, o.MinHolders); err != nil {
		return nil, fmt.Errorf("new replication probe: %w", err)
	}
	return p, nil
}

// Apply watches other keys, and wants other holders, from the next run on, or changes nothing if one of them is wrong;
// 0 holders stand for DefaultReplicationMinHolders. The series of a key that is no longer watched, or was given another
// key or content, vanish at once; a new key has none before its first run.
func (p *Replication) Apply(keys []WatchedKey, minHolders int) error {
	minHolders = cmp.Or(minHolders, DefaultReplicationMinHolders)
	if minHolders < 1 {
		return fmt.Errorf("minimum of holders %d: use 1 or more", minHolders)
	}
	checked, err := checkKeys(keys)
	if err != nil {
		return err
	}
	p.watch.Store(&watch{checked, minHolders})
	return nil
}

// Probe implements probes.Probe.
func (p *Replication) Probe(ctx context.Context) (probes.Result, error) {
	d, w := p.dht, p.watch.Load()
	n, err := d.attached()
	if err == nil {
		err = d.awaitServers(ctx, n)
	}
	counts := make([]keyCount, len(w.keys)+1) // our own record is the last
	for i := range counts {
		counts[i] = unseen()
	}
	if err == nil {
		p.look(ctx, n, w, counts)
		err = w.missing(ctx, counts)
	}
	p.observe(w, counts, err == nil || !probes.Starting(ctx))
	return w.result(counts), err
}

// names are those of all keys, in the order of their counts.
func (w *watch) names() []string {
	var names []string
	for _, k := range w.keys {
		names = append(names, k.Name)
	}
	return append(names, OwnRecord)
}

// look counts all keys, some side by side.
func (p *Replication) look(ctx context.Context, n *dhtNode, w *watch, counts []keyCount) {
	var all sync.WaitGroup
	places := make(chan struct{}, keysAtOnce)
	for i := range counts {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if i < len(w.keys) {
				counts[i] = p.dht.count(ctx, n, w.keys[i])
			} else {
				counts[i] = p.dht.countOwn(ctx, n)
			}
		})
	}
	all.Wait()
}

// missing is an error if a key could not be looked up.
func (w *watch) missing(ctx context.Context, counts []keyCount) error {
	var missing []string
	for i, name := range w.names() {
		if !counts[i].seen() {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err := fmt.Errorf("no node answered for %d of %d watched keys: %s",
		len(missing), len(counts), strings.Join(missing, ", "))
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", err, ctx.Err())
	}
	return probes.WithReason(probes.ReasonTimeout, err)
}

// result tells people what was counted.
func (w *watch) result(counts []keyCount) probes.Result {
	fewest, under := math.Inf(1), 0
	holders := make(map[string]int, len(counts))
	for i, name := range w.names() {
		c := counts[i]
		if !c.seen() {
			continue
		}
		holders[name] = int(c.holders)
		fewest = min(fewest, c.holders)
		if c.holders < float64(w.minHolders) {
			under++
		}
	}
	r := probes.Result{
		Message: fmt.Sprintf("%d of %d watched keys looked up", len(holders), len(counts)),
		Details: map[string]any{
			"watched_keys": len(counts), "looked_up": len(holders), "under_min_holders": under,
			"min_holders": w.minHolders, "holders": holders,
		},
	}
	if len(holders) > 0 {
		r.Details["fewest_holders"] = int(fewest)
		r.Message += fmt.Sprintf("; every one of these has at least %s", counted(int(fewest), "holder"))
	}
	return r
}

// counted is a number with its noun, such as "1 holder".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
