package probes

import (
	"hash/fnv"
	"io"
	"time"
)

// firstRunWithin bounds the wait for a check's first run.
const firstRunWithin = 3 * time.Second

// spread is a number that differs from check to check and from node to node, and stays the same over restarts, so that
// checks neither run all at once nor move.
func spread(node, check string) uint64 {
	h := fnv.New64a()
	for _, part := range []string{node, "\x00", check} {
		_, _ = io.WriteString(h, part) // a hash never returns an error
	}
	return h.Sum64()
}

// firstDelay is how long a new check waits for its first run.
func firstDelay(seed uint64, interval time.Duration) time.Duration {
	return time.Duration(seed % uint64(min(firstRunWithin, interval)))
}

// grid is the schedule after the first run: points in time, one interval apart. Its phase against the wall clock follows
// from the seed; from the anchor on time is monotonic, so a clock step neither skips nor doubles a run.
type grid struct {
	anchor   time.Time
	interval time.Duration
}

// newGrid anchors the grid at its last point not after now.
func newGrid(seed uint64, interval time.Duration, now time.Time) grid {
	phase := time.Duration(seed % uint64(interval))
	past := (time.Duration(now.UnixNano()) - phase) % interval
	if past < 0 {
		past += interval
	}
	return grid{anchor: now.Add(-past), interval: interval}
}

// after is the first point after t. Points that passed while a run took longer than its interval are skipped.
func (g grid) after(t time.Time) time.Time {
	return g.anchor.Add((t.Sub(g.anchor)/g.interval + 1) * g.interval)
}
