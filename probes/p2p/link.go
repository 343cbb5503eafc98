package p2p

import (
	"context"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// link looks after the connection to one peer: it dials when there is none, and pings while there is one. All of it
// happens in one goroutine, so nothing overlaps.
type link struct {
	leg    *Leg
	target Target        // without addresses it is never dialled: a leg that follows its host
	wake   chan struct{} // holds one: something may have changed

	// Guarded by leg.mu.
	watched bool     // run is at work
	silent  bool     // the newest ping was not answered
	tried   bool     // it has been connected, or a dial has failed
	waiting []waiter // for the target to be dialled
}

func newLink(l *Leg, t Target) *link {
	return &link{leg: l, target: t, wake: make(chan struct{}, 1)}
}

// nudge makes the link look again. It never blocks.
func (k *link) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run keeps the connection until ctx is done; one that is not dialled, until it is gone.
func (k *link) run(ctx context.Context) {
	k.set(func() { k.watched, k.silent = true, false })
	defer func() {
		k.set(func() { k.watched = false })
		tell(k.takeWaiting(time.Now()))
	}()
	attempts, failing := 0, false
	for ctx.Err() == nil {
		if k.connected() {
			k.set(func() { k.tried = true })
			tell(k.takeWaiting(k.since()))
			if attempts > 0 || failing {
				level.Info(k.log()).Log("msg", "Connected")
			}
			began := time.Now()
			k.hold(ctx)
			if ctx.Err() == nil && len(k.target.Addrs) > 0 {
				level.Warn(k.log()).Log("msg", "Connection lost", "duration", time.Since(began))
			}
			if attempts < 1 || time.Since(began) >= stable {
				attempts = 1
			}
			failing = false
			continue
		}
		if len(k.target.Addrs) == 0 {
			return
		}
		if !k.wait(ctx, retryDelay(attempts)) {
			continue
		}
		attempts++
		failing = k.dial(ctx, failing)
	}
}

// wait lets d pass, unless somebody wants the dial now. It says whether to dial: not if ctx is done or the target has
// been connected in the meantime, as by a lookup.
func (k *link) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for !k.connected() {
		if k.wanted() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return !k.connected()
		case <-k.wake:
		}
	}
	return false
}

// dial tries once, and tells those who wait for it. It returns whether dialling fails now, and logs when that begins.
func (k *link) dial(ctx context.Context, failing bool) bool {
	waiting := k.takeWaiting(time.Now()) // whoever comes later waits for the next dial
	err := k.leg.dial(ctx, k.target)
	k.set(func() { k.tried = true })
	tell(waiting)
	if err == nil || ctx.Err() != nil || k.connected() {
		return failing
	}
	if failing {
		level.Debug(k.log()).Log("msg", "Target still can't be connected", "err", err)
	} else {
		level.Warn(k.log()).Log("msg", "Target can't be connected", "err", err)
	}
	return true
}

// since is when the target was connected; zero while it is not.
func (k *link) since() time.Time { return k.leg.since(k.target.ID) }

func (k *link) connected() bool { return k.leg.connected(k.target.ID) }

func (k *link) set(change func()) {
	k.leg.mu.Lock()
	defer k.leg.mu.Unlock()
	change()
}

func (k *link) log() log.Logger {
	return log.With(k.leg.logger, "peer", k.target.ID)
}
