package collectors

import (
	"errors"
	"path/filepath"
	"syscall"

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

func statfs(path string) (space, error) {
	var s syscall.Statfs_t
	err := syscall.Statfs(path, &s)
	for errors.Is(err, syscall.EINTR) { // some FUSE file systems answer a signal so, even one of the Go runtime's
		err = syscall.Statfs(path, &s)
	}
	if err != nil {
		return space{}, err
	}
	return space{used: float64(s.Blocks) - float64(s.Bfree), available: float64(s.Bavail)}, nil
}
