package probes

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// check is what the Runner knows of one check. All of it is guarded by Runner.mu.
type check struct {
	spec       Spec
	configured bool    // came with Apply
	task       *task   // nil while the check does not run
	flight     *flight // the newest run, maybe of an earlier task or check of that name; nil before the first

	passed, failed uint64
	errors         [len(reasons)]uint64
	durations      prometheus.Histogram
	results        ring

	// Since the check was registered or last switched on:
	ran         bool
	failures    int // in a row
	lastRun     time.Time
	lastSuccess time.Time // zero before the first
	healthy     bool
	pace        pace // of the last run
}

// pace is what a spec promises about the time between two outcomes.
type pace struct{ interval, timeout time.Duration }

func (s Spec) pace() pace { return pace{interval: s.Interval, timeout: s.Timeout} }

// promised is the pace to judge the last outcome's age by. After a reload that shortens an interval the last outcome may
// be older than the new one allows, though nothing is late: until the first run under it, the longer one holds.
func (c *check) promised() pace {
	p := c.spec.pace()
	if !c.ran {
		return p
	}
	return pace{interval: max(p.interval, c.pace.interval), timeout: max(p.timeout, c.pace.timeout)}
}

// overdue says whether an outcome that ends now comes later than promised. Rules may have called the check stale.
func (c *check) overdue(now time.Time) bool {
	p := c.promised()
	return c.ran && now.Sub(c.lastRun) > p.interval+p.timeout+grace
}

// halt cancels the check's task. From here on an outcome of it is dropped.
func (c *check) halt() {
	if c.task != nil {
		c.task.stop()
		c.task = nil
	}
}

// restart forgets the last outcome of a check that was switched off: its age says nothing about the check.
func (c *check) restart() {
	c.ran, c.failures, c.lastRun, c.lastSuccess = false, 0, time.Time{}, time.Time{}
}

// add takes an outcome in and says whether it differs from the one before. A run that was never made, because the
// previous one is still out, has no duration to count.
func (c *check) add(o *Outcome, p pace, made bool) (changed bool) {
	changed = !c.ran || c.healthy != o.Healthy()
	c.ran, c.healthy, c.lastRun, c.pace = true, o.Healthy(), o.Finished, p
	if o.Healthy() {
		c.passed++
		c.failures = 0
		c.lastSuccess = o.Finished
	} else {
		c.failed++
		c.failures++
		c.errors[reasonIndex(o.Reason)]++
	}
	if made {
		c.durations.Observe(o.Duration().Seconds())
	}
	o.ConsecutiveFailures = c.failures
	c.results.push(*o)
	return changed
}
