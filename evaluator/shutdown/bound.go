package shutdown

import "time"

const (
	// longestGrace is what a component gets after its bound to notice and return. Then it is abandoned.
	longestGrace = 500 * time.Millisecond
	// shortestSlice is what a wave gets even when the whole's deadline has passed, as after a pause of the process.
	shortestSlice = 100 * time.Millisecond
)

// bounds are the limits of one stop. All times carry the monotonic clock.
type bounds struct {
	drained  time.Time // when the drain ends
	deadline time.Time // when everything ends
}

// limit is when the contexts of the wave that begins now end at the latest, and the grace after it, so that every later
// wave keeps a reserve. The reserve of a wave is half the time of the phases divided by the number of waves, begun ones
// included; or an equal part of what is left, if that is less; or what its components ask for, if all of them have
// bounds of their own and that is less.
func (b bounds) limit(now time.Time, begun int, later []wave) (time.Time, time.Duration) {
	whole, left := b.deadline.Sub(b.drained), b.deadline.Sub(now)
	grace := min(longestGrace, whole/20)
	if left <= 0 {
		return now.Add(shortestSlice), grace
	}
	waves := time.Duration(len(later) + 1)
	grace = min(grace, left/waves/2)
	share := min(whole/2/(time.Duration(begun)+waves), left/waves)
	limit := b.deadline.Add(-grace)
	for _, w := range later {
		reserve := share
		if own := w.longest(); own > 0 {
			reserve = min(share, own+longestGrace)
		}
		limit = limit.Add(-reserve)
	}
	return limit, grace
}
