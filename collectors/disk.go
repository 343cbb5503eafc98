package collectors

import (
	"errors"
	"fmt"
)

// space is the size of a file system, in its blocks or in bytes.
type space struct {
	used      float64
	available float64 // to unprivileged users, so without the blocks reserved for root
}

// ratio is the share df shows as Use%: used / (used + available). A file system is full when unprivileged users can't
// write any more, not when root can't.
func (s space) ratio() (float64, error) {
	if s.used+s.available <= 0 {
		return 0, errors.New("its file system has no blocks: watch a path on one that stores data")
	}
	return clamp(s.used / (s.used + s.available)), nil
}

// newDisk watches the file system that holds path.
func newDisk(path string, statfs func(string) (space, error)) *sensor {
	s := newSensor("disk:"+path, func() (float64, error) {
		size, err := statfs(path)
		if err != nil {
			return 0, fmt.Errorf("statfs %s: %w", path, err)
		}
		ratio, err := size.ratio()
		if err != nil {
			return 0, fmt.Errorf("statfs %s: %w", path, err)
		}
		return ratio, nil
	})
	s.path = path
	return s
}

// clamp bounds x to 0..1: counters are read one after the other, so a share can come out slightly off either end.
func clamp(x float64) float64 { return min(max(x, 0), 1) }
