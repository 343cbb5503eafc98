package collectors

import (
	"errors"
	"math"
	"strings"
)

// errNoBlocks is the failure of a path on a file system such as /proc, which stores nothing: it has no utilization, and
// none must not pass for an empty disk.
var errNoBlocks = errors.New("its file system stores no data, having no blocks")

// fileSystem is one reading of the file system that holds a path.
type fileSystem struct {
	space    space
	inodes   inodes
	readonly bool // the path cannot be written to, for whatever reason
	stopped  bool // nobody can write: the file system itself is read-only, not only the mount that this process sees
	failed   bool // it was mounted writable and stopped after an error

	// Identity. On Linux a device of 0 major is made up at each mount and says little.
	device uint64
	major  uint32
	fsid   uint64
	kind   string // type, such as ext4; "" if unknown, like source and point
	source string // what is mounted, such as /dev/sda1 or server:/export

	point      string // where the file system is mounted
	mountPoint bool   // whether the path itself is a mount point
	resolved   string // the path without symbolic links
}

// space is the size of a file system, in its blocks or in bytes.
type space struct {
	used      float64
	available float64 // to unprivileged users, so without the blocks reserved for root
}

// ratio returns the share that df shows as Use%: used / (used + available). A file system is full when unprivileged
// users cannot write any more, not when root cannot.
func (s space) ratio() (float64, error) {
	if !(s.used+s.available > 0) {
		return 0, errNoBlocks
	}
	return clamp(s.used / (s.used + s.available)), nil
}

// inodes counts the inodes of a file system. Many have none to count (btrfs, /proc, vfat) and report 0; others report
// all ones.
type inodes struct{ total, free uint64 }

// ratio returns the share of inodes in use, and false if the file system does not count any.
func (i inodes) ratio() (float64, bool) {
	if i.total == 0 || i.total == math.MaxUint64 {
		return 0, false
	}
	return clamp(1 - float64(i.free)/float64(i.total)), true
}

// same reports whether f and o are the same file system, also after it was unmounted and mounted again. A block device
// keeps its number. A made-up device gets another one with each mount, and a number may be used again for something
// else, so there the type, the source and an id that the file system itself has decide.
func (f fileSystem) same(o fileSystem) bool {
	alike := f.kind == o.kind && f.source == o.source || f.kind == "" || o.kind == ""
	switch {
	case f.fsid != o.fsid:
		return false
	case f.device == o.device:
		return f.major != 0 || alike
	case f.major != 0 || o.major != 0 || !alike || f.kind == "" || o.kind == "":
		return false
	}
	// An overlay has the id of its upper layer, so two of them cannot be told apart by it.
	return f.kind != "overlay" && (f.fsid != 0 || remote(f.source))
}

// remote reports whether the source of a mount names what is mounted by itself: server:/export, //server/share.
func remote(source string) bool {
	return strings.Contains(source, ":") || strings.HasPrefix(source, "//")
}

// left reports whether the file system f is no longer mounted where it was: now is a later reading of the same path,
// which finds the directory beneath.
func (f fileSystem) left(now fileSystem) bool {
	if f.point == "" || now.point == "" {
		return f.mountPoint && !now.mountPoint && f.resolved == now.resolved
	}
	return f.point != now.point && beneath(now.resolved, f.point) && !beneath(now.point, f.point)
}

// beneath reports whether path is dir or below it.
func beneath(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// clamp bounds x to 0..1: counters are read one after the other, so a share can come out slightly off either end.
func clamp(x float64) float64 { return min(max(x, 0), 1) }
