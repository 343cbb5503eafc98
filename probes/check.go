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

	// Since the check was declared:
	proof
	begin       uint64 // sequence number of the first outcome
	ran         bool
	failures    int // scheduled runs in a row that failed
	lastRun     time.Time
	lastSuccess time.Time // zero before the first
	healthy     bool
	self        bool // the last run passed with no other witness than this node
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

// restart declares the check again, after it was switched off or its target changed: it is unproven, and what was seen
// before says nothing about it. Counters and history stay.
func (c *check) restart() {
	c.proof, c.begin = proof{}, c.results.pushed
	c.ran, c.failures, c.lastRun, c.lastSuccess = false, 0, time.Time{}, time.Time{}
}

// streak is the number of failures in a row. Tries count as one failure at most, and as none beside a scheduled one, so
// that a failure threshold means scheduled runs.
func (c *check) streak() int {
	if c.ran && !c.healthy {
		return max(c.failures, 1)
	}
	return 0
}

// add records an outcome and reports whether it differs from the one before.
//
// A try that fails counts in errors_total alone: the other counters are read as runs per interval, and tries are more
// frequent. The try that passes ends the tries and counts like a scheduled run, in passed_total and the durations: a check
// with a long interval would otherwise have neither passed nor failed runs, and a ratio of 0/0, until its schedule begins.
// A run that was never made, because the previous one is still out, has no duration.
func (c *check) add(o *Outcome, p pace, made bool) (changed bool) {
	changed = !c.ran || c.healthy != o.Healthy()
	c.ran, c.healthy, c.lastRun, c.pace = true, o.Healthy(), o.Finished, p
	c.self = o.Healthy() && o.Result.Details[DetailMode] == ModeSelf
	if o.Healthy() {
		c.passed++
		c.failures = 0
		c.proven = true
		c.lastSuccess = o.Finished
	} else {
		if !o.Starting {
			c.failed++
			c.failures++
		}
		c.errors[reasonIndex(o.Reason)]++
	}
	if made && !o.Starting {
		c.durations.Observe(o.Duration().Seconds())
	}
	o.ConsecutiveFailures = c.streak()
	c.results.push(*o)
	return changed
}
