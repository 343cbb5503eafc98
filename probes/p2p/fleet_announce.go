package p2p

import (
	"context"
	"time"

	"github.com/go-kit/log/level"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// fleetGap is the least time between two announcements: half of what a Guard lets one neighbour hand on of one author.
const fleetGap = 250 * time.Millisecond

// announcer is what announce remembers between two announcements.
type announcer struct {
	*Fleet
	topic  *pubsub.Topic
	last   time.Time // of the last announcement
	said   FleetStatus
	logged time.Time // when a failure was last logged
}

// announce says our status until ctx is done: at once, every interval, soon after a change and when there is somebody
// new to tell, and last, if that was not said yet, that we are stopping.
func (f *Fleet) announce(ctx context.Context, topic *pubsub.Topic) {
	a := &announcer{Fleet: f, topic: topic}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			if a.stops() {
				a.publish(context.WithoutCancel(ctx)) // it only hands it to pubsub, which may live on
			}
			return
		case <-timer.C:
		case <-f.joined:
			if wait := a.early(); wait > 0 {
				timer.Reset(wait)
				continue
			}
		case <-f.changed:
			if f.options.Status().known() == a.said {
				continue
			}
			if wait := a.early(); wait > 0 && !a.stops() {
				timer.Reset(wait)
				continue
			}
		}
		timer.Reset(a.publish(ctx))
	}
}

// early is how long it is until the next announcement may follow.
func (a *announcer) early() time.Duration { return fleetGap - time.Since(a.last) }

// stops says whether we are stopping and have not said so.
func (a *announcer) stops() bool {
	return a.said.Status != fleetStopping && a.options.Status().Status == fleetStopping
}

// publish announces our status now, and says when to do so again.
func (a *announcer) publish(ctx context.Context) time.Duration {
	now, said := time.Now(), a.options.Status().known()
	data, interval, err := a.compose(said, now)
	if err == nil {
		err = a.topic.Publish(ctx, data)
	}
	a.last = now
	if err == nil {
		a.said = said
		return interval
	}
	if ctx.Err() == nil && (a.logged.IsZero() || now.Sub(a.logged) >= refusalLogInterval) {
		a.logged = now
		level.Warn(a.logger).Log("msg", "Announcing to the fleet", "err", err)
	}
	return min(interval, time.Second)
}

// compose makes an announcement that is newer than the last one, even if the clock was set back.
func (f *Fleet) compose(said FleetStatus, now time.Time) ([]byte, time.Duration, error) {
	f.mu.Lock()
	f.sent = max(now.UnixMilli(), f.sent+1)
	m := fleetMessage{
		Version: fleetVersion, Status: said.Status, WantsStop: said.WantsStop, Node: f.options.NodeID, Sent: f.sent,
	}
	interval := f.interval
	f.mu.Unlock()
	data, err := m.encode()
	return data, interval, err
}
