package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
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
	DHT *DHTProbe
	// Keys are watched besides the probe's own record.
	Keys []WatchedKey
	// MinHolders is how many nodes should hold every key; default DefaultReplicationMinHolders. A rule judges it.
	MinHolders int
}

// Replication is a Probe that counts, with direct requests to the nodes closest to every watched key, how many hold it.
// It fails when a key could not be looked up; how many holders are enough is for rules to judge. It also is a
// prometheus.Collector.
type Replication struct {
	options ReplicationOptions
	keys    []watched
	metrics replicationMetrics
}

// NewReplication checks the options and asks nobody.
func NewReplication(o ReplicationOptions) (*Replication, error) {
	o.MinHolders = cmp.Or(o.MinHolders, DefaultReplicationMinHolders)
	if o.DHT == nil {
		return nil, errors.New("new replication probe: no DHT, set ReplicationOptions.DHT")
	}
	if o.MinHolders < 1 {
		return nil, fmt.Errorf("new replication probe: minimum of holders %d: use 1 or more", o.MinHolders)
	}
	keys, err := checkKeys(o.Keys)
	if err != nil {
		return nil, fmt.Errorf("new replication probe: %w", err)
	}
	return &Replication{options: o, keys: keys, metrics: newReplicationMetrics()}, nil
}

// Probe implements probes.Probe.
func (p *Replication) Probe(ctx context.Context) (probes.Result, error) {
	d := p.options.DHT
	n, err := d.attached()
	if err == nil {
		err = d.awaitServers(ctx, n)
	}
	counts := make([]keyCount, len(p.keys)+1) // our own record is the last
	for i := range counts {
		counts[i] = unseen()
	}
	if err == nil {
		p.look(ctx, n, counts)
		err = p.missing(ctx, counts)
	}
	p.observe(counts)
	return p.result(counts), err
}

// names are those of all keys, in the order of their counts.
func (p *Replication) names() []string {
	var names []string
	for _, k := range p.keys {
		names = append(names, k.Name)
	}
	return append(names, OwnRecord)
}

// look counts all keys, some side by side.
func (p *Replication) look(ctx context.Context, n *dhtNode, counts []keyCount) {
	var all sync.WaitGroup
	places := make(chan struct{}, keysAtOnce)
	for i := range counts {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if i < len(p.keys) {
				counts[i] = p.options.DHT.count(ctx, n, p.keys[i])
			} else {
				counts[i] = p.options.DHT.countOwn(ctx, n)
			}
		})
	}
	all.Wait()
}

// missing is an error if a key could not be looked up.
func (p *Replication) missing(ctx context.Context, counts []keyCount) error {
	var missing []string
	for i, name := range p.names() {
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
func (p *Replication) result(counts []keyCount) probes.Result {
	fewest, under := math.Inf(1), 0
	holders := make(map[string]int, len(counts))
	for i, name := range p.names() {
		c := counts[i]
		if !c.seen() {
			continue
		}
		holders[name] = int(c.holders)
		fewest = min(fewest, c.holders)
		if c.holders < float64(p.options.MinHolders) {
			under++
		}
	}
	r := probes.Result{
		Message: fmt.Sprintf("%d of %d watched keys looked up", len(holders), len(counts)),
		Details: map[string]any{
			"watched_keys": len(counts), "looked_up": len(holders), "under_min_holders": under,
			"min_holders": p.options.MinHolders, "holders": holders,
		},
	}
	if len(holders) > 0 {
		r.Details["fewest_holders"] = int(fewest)
		r.Message += fmt.Sprintf(", the fewest holders are %d", int(fewest))
	}
	return r
}
