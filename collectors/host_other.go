//go:build !linux

package collectors

import (
	"errors"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
)

// readHostCPU asks the running system, whatever the root.
func readHostCPU(string) (hostCPU, error) {
	times, err := cpu.Times(false)
	if err != nil {
		return hostCPU{}, err
	}
	count, err := cpu.Counts(true)
	if err != nil {
		return hostCPU{}, err
	}
	if len(times) == 0 {
		return hostCPU{}, errors.New("the system reports no CPU times")
	}
	t := times[0]
	busy := t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
	return hostCPU{busy: busy, total: busy + t.Idle + t.Iowait, cpus: count}, nil
}

// hostMemory is the host's memory and what of it programs can still get without swapping, in bytes.
func hostMemory(string) (total, available float64, err error) {
	memory, err := mem.VirtualMemory()
	if err != nil {
		return 0, 0, err
	}
	return float64(memory.Total), float64(memory.Available), nil
}
