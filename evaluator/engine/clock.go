package engine

import "time"

// stepTolerance is how far wall and steady time may part before the clock counts as stepped. Slewing (NTP) stays far
// below it between two evaluations.
const stepTolerance = time.Second

// Clock keeps evaluation time. Samples are stored in steady time: the start's wall time plus what the monotonic clock
// has counted since. PromQL sees steady time plus an offset, which is 0 until the wall clock is stepped; a step moves the
// offset, so that stored samples and alert states move along and no range, lookback or `for` notices.
type Clock struct {
	Start time.Time // the wall time that steady time began at
	Last  int64     // newest steady time given out, ms

	offset time.Duration
}

// advance returns the timestamp of an evaluation that begins now: in steady time (ms, for the store, always later than
// the one before) and as PromQL sees it.
func (c *Clock) advance(wall time.Time, steady time.Duration) (int64, time.Time) {
	s := c.Start.Add(steady)
	if d := wall.Sub(s.Add(c.offset)); d > stepTolerance || d < -stepTolerance {
		c.offset = wall.Sub(s).Truncate(time.Millisecond)
	}
	c.Last = max(s.UnixMilli(), c.Last+1)
	return c.Last, c.At(c.Last)
}

// At converts steady milliseconds to the time that people and PromQL see.
func (c *Clock) At(steady int64) time.Time {
	return time.UnixMilli(steady).Add(c.offset).UTC()
}
