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
	// signedLate and rawLate are how late it is made up for: what the CPU can't do by then is left out. Signed messages in
	// a burst would cost the nodes more than they do one by one.
	signedLate, rawLate = floodTick, time.Second
)

// flood is junk on the health and heartbeat topics in turn: up to maxSigned messages a second are correctly signed and
// published, the rest is raw.
type flood struct{ signed, raw pace }

func newFlood() flood { return flood{newPace(signedLate), newPace(rawLate)} }

// set changes the rate, in messages a second; 0: none.
func (f *flood) set(rate int) {
	signed := min(rate, maxSigned)
	f.signed.set(signed)
	f.raw.set(rate - signed)
}

func (f *flood) rate() int { return int(f.signed.rate.Load() + f.raw.rate.Load()) }

// pace is how many messages a second somebody sends.
type pace struct {
	rate    atomic.Int64
	late    time.Duration // that it makes up for at most
	changed chan struct{} // of size 1
}

func newPace(late time.Duration) pace { return pace{late: late, changed: make(chan struct{}, 1)} }

func (p *pace) set(rate int) {
	p.rate.Store(int64(rate))
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// run calls send, which sends size messages, as often as the rate says, until ctx is done.
func (p *pace) run(ctx context.Context, size float64, send func()) {
	ticker := time.NewTicker(floodTick)
	defer ticker.Stop()
	owed, last := 0., time.Now()
	for {
		for p.rate.Load() == 0 { // costs nothing while there is none
			select {
			case <-ctx.Done():
				return
			case <-p.changed:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		owed += float64(p.rate.Load()) * min(now.Sub(last), p.late).Seconds()
		for last = now; owed >= size && ctx.Err() == nil; owed -= size {
			send()
		}
	}
}

// shout publishes junk whenever a rate is set, until ctx is done.
func (n *node) shout(ctx context.Context) {
	sent := 0
	n.flood.signed.run(ctx, 1, func() {
		n.publishJunk(ctx, sent)
		sent++
	})
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
