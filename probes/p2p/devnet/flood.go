package devnet

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"
)

const (
	// maxFlood is the highest rate, in messages a second: more is bound by the CPU.
	maxFlood = 200_000
	// maxSigned is how much of a flood, in messages a second, is signed and published for the whole swarm: every node
	// checks every signature. What is over it goes as batches of junk to those who only listen.
	maxSigned = 1000
	// junkSize is the length of a message of junk, in bytes.
	junkSize = 256
	// floodTick is how often the next few messages go out.
	floodTick = 10 * time.Millisecond
	// floodLate is how late it is made up for: what the CPU can't do by then is left out.
	floodLate = 200 * time.Millisecond
)

// flood is junk that a node publishes on the health and heartbeat topics in turn, correctly signed up to maxSigned.
type flood struct {
	rate    atomic.Int64  // messages a second; 0: none
	changed chan struct{} // of size 1
}

// set changes the rate.
func (f *flood) set(rate int) {
	f.rate.Store(int64(rate))
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// shout sends junk whenever a rate is set, until ctx is done.
func (n *node) shout(ctx context.Context) {
	ticker := time.NewTicker(floodTick)
	defer ticker.Stop()
	batches := newBatches(append([]string{n.config.HeartbeatTopic}, n.config.Topics...), n.host.ID())
	var owed, owedRaw float64
	last := time.Now()
	for sent := 0; ; {
		for n.flood.rate.Load() == 0 { // costs nothing while there is none
			select {
			case <-ctx.Done():
				return
			case <-n.flood.changed:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		since := min(now.Sub(last), floodLate).Seconds()
		last = now
		rate := n.flood.rate.Load()
		signed := min(rate, maxSigned)
		for owed += float64(signed) * since; owed >= 1 && ctx.Err() == nil; owed-- {
			n.publishJunk(ctx, sent)
			sent++
		}
		for owedRaw += float64(rate-signed) * since; owedRaw >= batchSize && ctx.Err() == nil; owedRaw -= batchSize {
			n.pour(ctx, batches.next())
		}
	}
}

func (n *node) publishJunk(ctx context.Context, i int) {
	junk := make([]byte, junkSize) // GossipSub keeps it
	_, _ = rand.Read(junk)         // never fails
	topic := n.topics.heartbeat
	if turn := i % (len(n.topics.health) + 1); turn > 0 {
		topic = n.topics.health[turn-1]
	}
	_ = topic.Publish(ctx, junk) // a message of junk less
}
