package p2p

import (
	"context"
	"slices"
	"time"
)

// waiter is somebody who closed the connection and waits for the next one.
type waiter struct {
	at   time.Time     // when
	done chan struct{} // closed when the target was dialled since, or has been connected since
}

// reset closes the connection and waits until the target was dialled or ctx is done.
func (k *link) reset(ctx context.Context) {
	_ = k.leg.host.Network().ClosePeer(k.target.ID) // what fails to close is gone from the network's books all the same
	w := waiter{at: time.Now(), done: make(chan struct{})}
	watched := false
	k.set(func() {
		if watched = k.watched; watched {
			k.waiting = append(k.waiting, w)
		}
	})
	if !watched {
		return
	}
	k.nudge()
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}

// wanted says whether somebody waits for a dial.
func (k *link) wanted() (yes bool) {
	k.set(func() { yes = len(k.waiting) > 0 })
	return yes
}

// takeWaiting takes those off the list who wait since before t.
func (k *link) takeWaiting(t time.Time) (taken []waiter) {
	k.set(func() {
		k.waiting = slices.DeleteFunc(k.waiting, func(w waiter) bool {
			if w.at.After(t) {
				return false
			}
			taken = append(taken, w)
			return true
		})
	})
	return taken
}

// tell ends the waiting.
func tell(waiting []waiter) {
	for _, w := range waiting {
		close(w.done)
	}
}
