package p2p

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/log/level"
)

// hold pings until the connection is gone or ctx is done. A target that leaves too many pings in a row unanswered is
// disconnected; the connections of a host that is not ours are not ours to close. A nudge also applies changed
// PingOptions.
func (k *link) hold(ctx context.Context) {
	failures, o := 0, k.leg.pinging.Load()
	timer := time.NewTimer(0) // the first at once
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
			if !k.connected() {
				return
			}
			tell(k.takeWaiting(k.since())) // a reset whose new connection is there already
			if now := k.leg.pinging.Load(); now != o {
				o = now
				timer.Reset(0) // the wait that is under way may be longer than the new interval
			}
		case <-timer.C:
			answered, counts := k.ping(ctx)
			switch {
			case !counts:
				return
			case answered:
				failures = 0
				timer.Reset(o.Interval)
				continue
			}
			if failures++; failures >= o.MaxFailures && k.leg.owned {
				level.Warn(k.log()).Log("msg", "Target answers no ping, dialling again")
				_ = k.leg.host.Network().ClosePeer(k.target.ID) // it is gone from the network's books in any case
				return
			}
			timer.Reset(min(o.Interval, pingAgain))
		}
	}
}

// ping sends one ping and keeps the result. It does not count when the connection or ctx ended
// meanwhile.
func (k *link) ping(ctx context.Context) (answered, counts bool) {
	timed, cancel := context.WithTimeout(ctx, k.leg.pinging.Load().Timeout)
	defer cancel()
	since := k.since()
	rtt, err := pingPeer(timed, k.leg.host, k.target.ID)
	if ctx.Err() != nil || err != nil && !k.since().Equal(since) {
		return false, false
	}
	switch {
	case err == nil:
		k.leg.metrics.latency.Observe(rtt.Seconds())
	case errors.Is(err, errPingUnsupported):
	default:
		k.leg.metrics.failures.Inc()
		k.set(func() { k.silent = true })
		level.Debug(k.log()).Log("msg", "Ping not answered", "err", err)
		return false, true
	}
	k.set(func() { k.silent = false })
	return true, true
}
