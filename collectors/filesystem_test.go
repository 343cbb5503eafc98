package collectors

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"syscall"
	"testing"
)

func TestInodesRatio(t *testing.T) {
	for name, tt := range map[string]struct {
		inodes inodes
		want   float64
		counts bool
	}{
		"none counted":      {inodes{}, 0, false},
		"none, and free":    {inodes{free: 5}, 0, false},
		"all ones":          {inodes{math.MaxUint64, math.MaxUint64}, 0, false},
		"all free":          {inodes{10, 10}, 0, true},
		"a quarter":         {inodes{8, 6}, 0.25, true},
		"none free":         {inodes{10, 0}, 1, true},
		"more free than is": {inodes{10, 11}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := tt.inodes.ratio(); got != tt.want || ok != tt.counts {
				t.Errorf("got %v, %v, want %v, %v", got, ok, tt.want, tt.counts)
			}
		})
	}
}

// TestSame knows a file system again, by what each kind offers.
func TestSame(t *testing.T) {
	ext4 := fileSystem{device: 0x801, major: 8, fsid: 1, kind: "ext4", source: "/dev/sda1"}
	tmpfs := fileSystem{device: 40, fsid: 2, kind: "tmpfs", source: "tmpfs"}
	nfs := fileSystem{device: 41, kind: "nfs4", source: "server:/export"}
	with := func(f fileSystem, change func(*fileSystem)) fileSystem { change(&f); return f }
	device := func(n uint64) func(*fileSystem) { return func(f *fileSystem) { f.device = n } }
	source := func(s string) func(*fileSystem) { return func(f *fileSystem) { f.source = s } }
	overlay := with(tmpfs, func(f *fileSystem) { f.kind, f.source = "overlay", "overlay" })
	old := with(tmpfs, func(f *fileSystem) { f.fsid = 0 })
	for name, tt := range map[string]struct {
		a, b fileSystem
		want bool
	}{
		"itself":                               {ext4, ext4, true},
		"a device by another name":             {ext4, with(ext4, source("/dev/root")), true},
		"another device with the same id":      {ext4, with(ext4, device(0x811)), false},
		"a device that was formatted":          {ext4, with(ext4, func(f *fileSystem) { f.fsid = 9 }), false},
		"tmpfs in the place of ext4":           {ext4, tmpfs, false},
		"another tmpfs with the same number":   {tmpfs, with(tmpfs, func(f *fileSystem) { f.fsid = 9 }), false},
		"the same btrfs or zfs, mounted again": {tmpfs, with(tmpfs, device(50)), true},
		"two tmpfs of an old kernel":           {old, with(old, device(50)), false},
		"the same export, mounted again":       {nfs, with(nfs, device(50)), true},
		"another export":                       {nfs, with(nfs, func(f *fileSystem) { f.device, f.source = 50, "server:/other" }), false},
		"another export with the same number":  {nfs, with(nfs, source("server:/other")), false},
		"two overlays on one file system":      {overlay, with(overlay, device(50)), false},
		"mounts unknown":                       {fileSystem{device: 40, fsid: 2}, tmpfs, true},
		"mounts unknown, another number":       {fileSystem{device: 50, fsid: 2}, tmpfs, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, back := tt.a.same(tt.b), tt.b.same(tt.a); got != tt.want || back != tt.want {
				t.Errorf("got %v, and %v the other way, want %v", got, back, tt.want)
			}
		})
	}
}

func TestLeft(t *testing.T) {
	at := func(point, path string) fileSystem {
		return fileSystem{point: point, resolved: path, mountPoint: point == path}
	}
	blind := func(mountPoint bool) fileSystem { return fileSystem{resolved: "/a", mountPoint: mountPoint} }
	for name, tt := range map[string]struct {
		first, now fileSystem
		want       bool
	}{
		"nothing changed":        {at("/a", "/a"), at("/a", "/a"), false},
		"unmounted":              {at("/a", "/a"), at("/", "/a"), true},
		"its parent unmounted":   {at("/a", "/a/b"), at("/", "/a/b"), true},
		"mounted over":           {at("/", "/a/b"), at("/a", "/a/b"), false},
		"mounted over, deeper":   {at("/a", "/a/b"), at("/a/b", "/a/b"), false},
		"a link leads elsewhere": {at("/mnt/1", "/mnt/1"), at("/mnt/2", "/mnt/2"), false},
		"a link leads to /":      {at("/mnt/1", "/mnt/1"), at("/", "/srv"), false},
		"a name that begins so":  {at("/a", "/a"), at("/", "/ab"), false},
		"mounts unknown":         {blind(true), blind(false), true},
		"mounts unknown, still":  {blind(true), blind(true), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.first.left(tt.now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestJudge has the cases that no test can mount.
func TestJudge(t *testing.T) {
	good := fileSystem{device: 0x801, major: 8, point: "/", resolved: "/"}
	failed := good
	failed.readonly, failed.stopped, failed.failed = true, true, true
	for name, tt := range map[string]struct {
		want     Disk
		first    *fileSystem
		now      fileSystem
		readonly bool
	}{
		"sound":                      {Disk{}, &good, good, false},
		"stopped after an error":     {Disk{}, &good, failed, true},
		"stopped before the start":   {Disk{}, &failed, failed, true},
		"stopped, and may be":        {Disk{Writable: new(false)}, &good, failed, false},
		"never read as a mount yet":  {Disk{Mount: true}, nil, good, false},
		"must be writable from then": {Disk{Writable: new(true)}, nil, failed, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.want.judge(tt.first, tt.now); *got.readonly != tt.readonly {
				t.Errorf("read-only: %v, want %v", *got.readonly, tt.readonly)
			}
		})
	}
}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{
		"timeout":           fmt.Errorf("read disk:/a: %w 5s", errTimeout),
		"no_blocks":         errNoBlocks,
		"no_such_file":      &fs.PathError{Op: "open", Path: "/a", Err: syscall.ENOENT},
		"permission_denied": os.NewSyscallError("statfs", syscall.EACCES),
		"not_connected":     syscall.ENOTCONN,
		"stale_handle":      syscall.ESTALE,
		"io_error":          syscall.EIO,
		"error":             errors.New("parse /proc/meminfo: rubbish"),
	} {
		if got := reason(err); got != want {
			t.Errorf("the reason of %v is %s, want %s", err, got, want)
		}
	}
	if got := reason(syscall.ENOTDIR); got != "no_such_file" {
		t.Errorf("the reason of ENOTDIR is %s", got)
	}
}
