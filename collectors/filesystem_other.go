//go:build !linux

package collectors

import (
	"math"
	"path/filepath"
	"slices"

	"github.com/shirou/gopsutil/v4/disk"
)

// readFileSystem reads the file system that holds path. Its identity is the partition as the system lists it.
func readFileSystem(_, path string) (fileSystem, error) {
	usage, err := disk.Usage(path)
	if err != nil {
		return fileSystem{}, err
	}
	fs := fileSystem{
		space:  space{used: float64(usage.Used), available: float64(usage.Free)},
		inodes: inodes{total: usage.InodesTotal, free: usage.InodesFree},
		fsid:   math.MaxUint64, // the same for all: the system tells none
	}
	if fs.resolved, err = filepath.EvalSymlinks(path); err != nil {
		return fileSystem{}, err
	}
	partitions, err := disk.Partitions(true)
	if err != nil {
		return fs, nil // measured, though its identity is unknown
	}
	for _, p := range partitions {
		if beneath(fs.resolved, p.Mountpoint) && len(p.Mountpoint) >= len(fs.point) {
			fs.kind, fs.source, fs.point = p.Fstype, p.Device, p.Mountpoint
			fs.readonly = slices.Contains(p.Opts, "ro") || slices.Contains(p.Opts, "read-only")
		}
	}
	fs.mountPoint = fs.point == fs.resolved
	return fs, nil
}
