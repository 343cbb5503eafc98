package collectors

import (
	"fmt"
	"math"
)

// memoryMeter reads memory utilization.
type memoryMeter struct {
	root    string
	cgroups cgroups
}

// read is the share of memory in use where it is scarcest: of the groups with a limit, from the process's own upwards,
// the one that has used the largest part of it, since that is where the kernel starts to kill. A limit over the host's
// memory can never bind and counts as none; version 1 writes "no limit" as such a number. Without a limit it is the
// host's 1 - MemAvailable / MemTotal.
func (m *memoryMeter) read() (float64, error) {
	total, available, err := hostMemory(m.root)
	if err != nil {
		return 0, fmt.Errorf("read host memory: %w", err)
	}
	tree, err := m.cgroups.tree("memory")
	if err != nil {
		return 0, err
	}
	scarcest := math.Inf(-1)
	for _, group := range tree.groups {
		limit, err := tree.memoryLimit(group)
		if err != nil {
			return 0, err
		}
		if limit > total {
			continue
		}
		used, err := tree.workingSet(group)
		if err != nil {
			return 0, err
		}
		scarcest = max(scarcest, share(used, limit))
	}
	if scarcest >= 0 {
		return scarcest, nil
	}
	return share(total-available, total), nil
}

// memoryLimit is the group's limit in bytes, +Inf without one.
func (t tree) memoryLimit(group string) (float64, error) {
	if t.version == 2 {
		return t.readLimit(group, "memory.max", parseMax)
	}
	return t.readLimit(group, "memory.limit_in_bytes", parseMax)
}

// workingSet is the memory in bytes that the group holds and the kernel would not simply take back: its usage less the
// inactive part of its page cache. It is container_memory_working_set_bytes, by which the kubelet evicts; the formula
// is that of setMemoryStats in cAdvisor's container/libcontainer/handler.go.
func (t tree) workingSet(group string) (float64, error) {
	usageFile, inactiveKey := "memory.usage_in_bytes", "total_inactive_file"
	if t.version == 2 {
		usageFile, inactiveKey = "memory.current", "inactive_file"
	}
	usage, err := t.read(group, usageFile, parseNumber)
	if err != nil {
		return 0, err
	}
	inactive, err := t.read(group, "memory.stat", parseKey(inactiveKey))
	if err != nil {
		return 0, err
	}
	return max(usage-inactive, 0), nil
}

// share is used / limit within 0..1. Where nothing is allowed, all of it is used.
func share(used, limit float64) float64 {
	if limit <= 0 {
		return 1
	}
	return clamp(used / limit)
}
