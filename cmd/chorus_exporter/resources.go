package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-kit/log"

	"chorus"
	"chorus/collectors"
)

// resourceOptions is what the enabled checks need to have measured. Without any, measured is false.
func (c *loaded) resourceOptions(logger log.Logger) (o collectors.ResourcesOptions, measured bool) {
	limits := c.Resources
	o = collectors.ResourcesOptions{
		Interval: time.Duration(c.EvaluationInterval), Logger: logger,
		Omit: collectors.OmittedResources{CPU: limits.CPU.off(), Memory: limits.Memory.off(), Inodes: limits.Inodes.off()},
	}
	for name, needs := range chorus.ResourceChecks() {
		check := c.effective(name)
		if !check.enabled() {
			continue
		}
		measured = true
		if needs.CPU {
			o.Thresholds.CPU = limits.CPU.threshold()
		}
		if needs.Memory {
			o.Thresholds.Memory = limits.Memory.threshold()
		}
		if needs.Disk && !limits.Disk.off() {
			o.Thresholds.Disk, o.Thresholds.Inodes = limits.Disk.threshold(), limits.Inodes.threshold()
			// Two checks may look at the same disks: the more demanding one decides.
			o.DiskInterval = lesser(o.DiskInterval, check.interval())
			o.DiskTimeout = lesser(o.DiskTimeout, check.timeout())
		}
	}
	if o.Thresholds.Disk > 0 {
		for _, disk := range c.Disks {
			o.Disks = append(o.Disks, collectors.Disk(disk))
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

// checkMeasured reports checks that look at nothing: their resources are off, or there is no disk.
func (c *loaded) checkMeasured() {
	on := func(name string) bool { return c.effective(name).enabled() }
	limits := c.Resources
	if on("resource-health") && limits.CPU.off() && limits.Memory.off() && limits.Disk.off() {
		c.add(c.line("resources"), "resources", `cpu, memory and disk are all off; disable the check "resource-health" instead`)
	}
	for _, check := range []struct {
		name, field string
		limit       Limit
	}{
		{"memory-usage", "resources.memory", limits.Memory},
		{"disk-space", "resources.disk", limits.Disk},
	} {
		if on(check.name) && check.limit.off() {
			c.add(c.line(check.field), check.field, "off, but the check %q needs it; set a limit or disable the check", check.name)
		}
	}
	if o, _ := c.resourceOptions(nil); o.Thresholds.Disk > 0 && len(o.Disks) == 0 {
		c.add(c.line("disks"), "disks", "empty; name a path to watch, or leave disks out with resources.disk: off")
	}
}

// pathTimeout bounds how long a load waits for disks that do not answer.
const pathTimeout = time.Second

// doubtDisks finds paths that cannot be read now: one may be mounted later, but is more often misspelt.
func (c *loaded) doubtDisks(doubts *problems) {
	_, listed := c.lines["disks"]
	if o, _ := c.resourceOptions(nil); len(o.Disks) == 0 {
		if listed && len(c.Disks) > 0 && c.Resources.Disk.off() {
			doubts.add(c.line("disks"), "disks", "not watched because resources.disk is off; remove disks or set a limit")
		}
		return
	}
	paths := make([]string, len(c.Disks))
	for i, disk := range c.Disks {
		paths[i] = disk.Path
	}
	failed := c.paths.Check(context.Background(), paths, pathTimeout)
	for i, path := range paths {
		if err := failed[path]; err != nil {
			field := diskField(i)
			doubts.add(c.line(field), field, "cannot read %q: %v; until it can be read its checks are unknown", path, err)
		}
	}
}

// checkDisks reports paths that are written in a wrong way.
func (c *loaded) checkDisks() {
	for i, disk := range c.Disks {
		field := diskField(i)
		first := slices.IndexFunc(c.Disks, func(d Disk) bool { return d.Path == disk.Path })
		switch err := collectors.CheckPath(disk.Path); {
		case err != nil:
			c.add(c.line(field), field, "%v", err)
		case first < i:
			c.add(c.line(field), field, "duplicate path %q, first set on line %d", disk.Path, c.line(diskField(first)))
		}
	}
}

func diskField(i int) string { return fmt.Sprintf("disks[%d].path", i) }
