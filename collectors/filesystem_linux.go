package collectors

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// errMounting is the failure of a path that is mounted and unmounted faster than it can be read.
var errMounting = errors.New("path changes its file system while it is read")

// readFileSystem reads the file system that holds path. statfs comes first because it mounts what autofs mounts on
// demand. Where the path is read before and after, so that size and identity are those of one file system.
func readFileSystem(root, path string) (fileSystem, error) {
	for range 3 {
		if _, err := statfs(path); err != nil {
			return fileSystem{}, err
		}
		before, err := locate(path)
		if err != nil {
			return fileSystem{}, err
		}
		size, err := statfs(path)
		if err != nil {
			return fileSystem{}, err
		}
		fs := before.describe(root, path, size)
		if after, err := locate(path); err != nil {
			return fileSystem{}, err
		} else if after == before {
			return fs, nil
		}
	}
	return fileSystem{}, errMounting
}

func statfs(path string) (s unix.Statfs_t, err error) {
	err = unix.Statfs(path, &s)
	for errors.Is(err, unix.EINTR) { // some FUSE file systems answer a signal so, even one of the Go runtime's
		err = unix.Statfs(path, &s)
	}
	return s, err
}

// location says on which mount a path is.
type location struct {
	major, minor uint32
	mount        uint64 // id in mountinfo; 0 if the kernel does not tell
	mountPoint   bool
}

// locate asks the kernel where path is. Linux before 5.8 tells neither the mount nor whether the path is its root; then a
// path on another device than its parent is a mount point.
func locate(path string) (location, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_INO|unix.STATX_MNT_ID, &s)
	for errors.Is(err, unix.EINTR) {
		err = unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_INO|unix.STATX_MNT_ID, &s)
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // an old kernel, or an old seccomp profile
		return locateByDevice(path)
	}
	if err != nil {
		return location{}, err
	}
	if s.Mask&unix.STATX_MNT_ID == 0 || s.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return locateByDevice(path)
	}
	return location{
		major: s.Dev_major, minor: s.Dev_minor, mount: s.Mnt_id,
		mountPoint: s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0,
	}, nil
}

func locateByDevice(path string) (location, error) {
	var s, parent unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return location{}, err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return location{}, err
	}
	if err := unix.Stat(filepath.Dir(resolved), &parent); err != nil {
		return location{}, err
	}
	return location{
		major: unix.Major(s.Dev), minor: unix.Minor(s.Dev),
		mountPoint: s.Dev != parent.Dev || s.Ino == parent.Ino,
	}, nil
}

// describe joins what statfs and mountinfo say of the file system at l.
func (l location) describe(root, path string, s unix.Statfs_t) fileSystem {
	fs := fileSystem{
		space:    space{used: float64(s.Blocks) - float64(s.Bfree), available: float64(s.Bavail)},
		inodes:   inodes{total: s.Files, free: s.Ffree},
		readonly: s.Flags&unix.ST_RDONLY != 0,
		device:   unix.Mkdev(l.major, l.minor), major: l.major,
		fsid:       uint64(uint32(s.Fsid.Val[0]))<<32 | uint64(uint32(s.Fsid.Val[1])),
		mountPoint: l.mountPoint,
		resolved:   path,
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		fs.resolved = resolved
	}
	if m := mountOf(root, l.mount); m != nil {
		fs.kind, fs.source, fs.point = m.FSType, m.Source, unescape(m.MountPoint)
		fs.failed = hasAny(m.SuperOptions, "emergency_ro", "shutdown")
		fs.stopped = fs.failed || hasAny(m.SuperOptions, "ro")
		fs.readonly = fs.readonly || fs.stopped
		// What autofs mounts on demand is not there while only autofs itself is.
		fs.mountPoint = fs.mountPoint && m.FSType != "autofs"
	}
	return fs
}

// mountOf finds a mount by its id; nil without an id, without /proc and where a chroot hides the mount.
func mountOf(root string, id uint64) *procfs.MountInfo {
	if id == 0 {
		return nil
	}
	proc, err := procfs.NewFS(filepath.Join(root, "proc"))
	if err != nil {
		return nil
	}
	all, err := proc.GetMounts()
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(all, func(m *procfs.MountInfo) bool { return uint64(m.MountID) == id })
	if i < 0 {
		return nil
	}
	return all[i]
}

// hasAny reports whether one of the options is set. Since Linux 6.12 ext4 leaves the flag of statfs alone when it stops
// after an error, and shows emergency_ro or shutdown instead.
func hasAny(options map[string]string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := options[name]; return ok })
}
