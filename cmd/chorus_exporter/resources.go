package main

import (
	"time"

	"github.com/go-kit/log"

	"chorus/collectors"
)

// resourceChecks are the checks that look at the resources of this machine, and at which of them.
func resourceChecks() map[string]collectors.ResourceThresholds {
	return map[string]collectors.ResourceThresholds{
		"resource-health": {CPU: 1, Memory: 1, Disk: 1},
		"memory-usage":    {Memory: 1},
		"disk-space":      {Disk: 1},
	}
}

// resourceOptions is what the enabled checks need to have measured. Without any, measured is false.
func (c *loaded) resourceOptions(logger log.Logger) (o collectors.ResourcesOptions, measured bool) {
	o = collectors.ResourcesOptions{Interval: time.Duration(c.EvaluationInterval), Logger: logger}
	for name, needs := range resourceChecks() {
		check := c.effective(name)
		if !check.enabled() {
			continue
		}
		measured = true
		if needs.CPU > 0 {
			o.Thresholds.CPU = c.Resources.CPU
		}
		if needs.Memory > 0 {
			o.Thresholds.Memory = c.Resources.Memory
		}
		if needs.Disk > 0 {
			o.Thresholds.Disk = c.Resources.Disk
			// Two checks may look at the same disks: the more demanding one decides.
			o.DiskInterval = lesser(o.DiskInterval, check.interval())
			o.DiskTimeout = lesser(o.DiskTimeout, check.timeout())
		}
	}
	if o.Thresholds.Disk > 0 {
		for _, disk := range c.Disks {
			o.Paths = append(o.Paths, disk.Path)
		}
	}
	return o, measured
}

// lesser is the smaller duration, 0 standing for none yet.
func lesser(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// checkMeasured reports that a check asks for disks and there are none.
func (c *loaded) checkMeasured() {
	if o, _ := c.resourceOptions(nil); o.Thresholds.Disk > 0 && len(o.Paths) == 0 {
		c.add(c.line("disks"), "disks", "is empty while resource-health or disk-space looks at disks; name a path, "+
			"or disable the check")
	}
}
