package collectors

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// cpuMeter reads CPU utilization between one call of read and the next.
type cpuMeter struct {
	root    string
	cgroups cgroups
	before  *cpuSample // nil before the first sample and after a failed one
}

// cpuSample is what the counters said at one moment.
type cpuSample struct {
	at     time.Time // with monotonic reading
	host   hostCPU
	groups map[string]cpuGroup // those with a limit, by their name in the tree
}

// cpuGroup is a control group whose CPU time is limited.
type cpuGroup struct {
	used float64 // CPU seconds since the group was made
	cpus float64 // limit: CPU seconds per second
}

// hostCPU is the host's CPU time since boot, over all CPUs, in seconds. Time stolen by a hypervisor counts as busy: it
// was not there to be used.
type hostCPU struct {
	busy, total float64
	cpus        int
}

// read is the utilization since the previous call. The first call, and one after the process has moved to other
// groups, has nothing to compare with and returns errNoWindow.
func (m *cpuMeter) read() (float64, error) {
	before := m.before
	m.before = nil
	now, err := m.sample()
	if err != nil {
		return 0, err
	}
	m.before = now
	if before == nil {
		return 0, errNoWindow
	}
	return utilization(before, now)
}

// utilization is the share of the allowed CPU time that was used from before to now: of the groups with a limit the
// one that used the largest part of it, since that is the one the kernel throttles first; without a limit the host's.
func utilization(before, now *cpuSample) (float64, error) {
	elapsed := now.at.Sub(before.at).Seconds()
	if elapsed <= 0 {
		return 0, errNoWindow
	}
	scarcest := math.Inf(-1)
	for name, group := range now.groups {
		earlier, ok := before.groups[name]
		if !ok {
			return 0, errNoWindow
		}
		scarcest = max(scarcest, share(group.used-earlier.used, group.cpus*elapsed))
	}
	if scarcest >= 0 {
		return scarcest, nil
	}
	total := now.host.total - before.host.total
	if total <= 0 {
		return 0, errors.New("read host CPU: its counters stand still or went back")
	}
	return clamp((now.host.busy - before.host.busy) / total), nil
}

func (m *cpuMeter) sample() (*cpuSample, error) {
	host, err := readHostCPU(m.root)
	if err != nil {
		return nil, fmt.Errorf("read host CPU: %w", err)
	}
	limits, err := m.cgroups.tree("cpu")
	if err != nil {
		return nil, err
	}
	s := &cpuSample{host: host, groups: make(map[string]cpuGroup)}
	for _, name := range limits.groups {
		cpus, err := limits.cpuLimit(name)
		if err != nil {
			return nil, err
		}
		if cpus > float64(host.cpus) { // no limit, or one that can never bind
			continue
		}
		used, err := m.cpuUsed(limits, name)
		if err != nil {
			return nil, err
		}
		s.groups[name] = cpuGroup{used: used, cpus: cpus}
	}
	s.at = time.Now()
	return s, nil
}

// cpuLimit is how many CPUs the group may use, +Inf without a limit.
func (t tree) cpuLimit(group string) (float64, error) {
	if t.version == 2 {
		return t.readLimit(group, "cpu.max", parseBandwidth)
	}
	return t.readLimit(group, "cpu.cfs_quota_us", func(quota string) (float64, error) {
		period, err := t.read(group, "cpu.cfs_period_us", parseNumber)
		if err != nil {
			return 0, fmt.Errorf("quota without a period: %v", err) // missing here is not missing there
		}
		return parseBandwidth(fmt.Sprintf("%s %.0f", strings.TrimSpace(quota), period))
	})
}

// cpuUsed is the CPU time in seconds that a group of limits has used. In version 1 accounting is a controller of its
// own, usually but not always mounted together with the one that limits; groups have the same names in both.
func (m *cpuMeter) cpuUsed(limits tree, group string) (float64, error) {
	if limits.version == 2 {
		us, err := limits.read(group, "cpu.stat", parseKey("usage_usec"))
		return us / 1e6, err
	}
	usage, err := m.cgroups.tree("cpuacct")
	if err != nil {
		return 0, err
	}
	if usage.version != 1 {
		return 0, fmt.Errorf("control group %s limits CPU, but cpuacct, which counts it, is not mounted", group)
	}
	ns, err := usage.read(group, "cpuacct.usage", parseNumber)
	return ns / 1e9, err
}
