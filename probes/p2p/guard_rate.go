package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// rates are token buckets, one for each neighbour and author: a neighbour that floods us in the name of an allowed
// author can't use up what others bring of that author. Used by pubsub's loop only.
type rates struct {
	perSecond, burst float64
	buckets          map[route]bucket
}

type route struct{ hop, author peer.ID }

type bucket struct {
	tokens float64
	at     time.Time
}

// maxRoutes bounds the buckets. Over it all start again: neighbours are few, and we choose them.
const maxRoutes = 4096

func newRates(perSecond float64, burst int) rates {
	return rates{perSecond: perSecond, burst: float64(burst), buckets: make(map[route]bucket)}
}

// take takes a token, if there is one.
func (r *rates) take(hop, author peer.ID, now time.Time) bool {
	key := route{hop, author}
	b, ok := r.buckets[key]
	if !ok {
		if len(r.buckets) >= maxRoutes {
			clear(r.buckets)
		}
		b = bucket{tokens: r.burst, at: now}
	}
	b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*r.perSecond, r.burst)
	b.at = now
	granted := b.tokens >= 1
	if granted {
		b.tokens--
	}
	r.buckets[key] = b
	return granted
}
