package collectors

import (
	"errors"
	"path/filepath"

	"github.com/prometheus/procfs"
)

func readHostCPU(root string) (hostCPU, error) {
	proc, err := procfs.NewFS(filepath.Join(root, "proc"))
	if err != nil {
		return hostCPU{}, err
	}
	stat, err := proc.Stat()
	if err != nil {
		return hostCPU{}, err
	}
	t := stat.CPUTotal // guest time is part of user time
	idle := t.Idle + t.Iowait
	busy := t.User + t.Nice + t.System + t.IRQ + t.SoftIRQ + t.Steal
	if idle+busy == 0 || len(stat.CPU) == 0 {
		return hostCPU{}, errors.New("/proc/stat has no CPU times")
	}
	return hostCPU{busy: busy, total: idle + busy, cpus: len(stat.CPU)}, nil
}

// hostMemory is the host's memory and what of it programs can still get without swapping, in bytes.
func hostMemory(root string) (total, available float64, err error) {
	proc, err := procfs.NewFS(filepath.Join(root, "proc"))
	if err != nil {
		return 0, 0, err
	}
	info, err := proc.Meminfo()
	if err != nil {
		return 0, 0, err
	}
	if info.MemTotalBytes == nil || info.MemAvailableBytes == nil {
		return 0, 0, errors.New("/proc/meminfo lacks MemTotal or MemAvailable")
	}
	return float64(*info.MemTotalBytes), float64(*info.MemAvailableBytes), nil
}
