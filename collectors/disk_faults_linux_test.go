package collectors

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// disked is a collector that watches one path of a real machine, in mounts of its own.
type disked struct {
	t    *testing.T
	r    *Resources
	path string
}

// becomes waits until the series of the path have the values, whatever others there are. -1 stands for an absent one.
func (d disked) becomes(step string, want map[string]float64) {
	d.t.Helper()
	var got map[string]float64
	right := func() bool {
		got = gathered(d.t, d.r)
		for name, value := range want {
			if v, ok := got["disk_"+name+" "+d.path]; ok && !near(v, value) || !ok && value != absent {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if right() {
			return
		}
	}
	d.t.Fatalf("%s: does not become %v: %v", step, want, got)
}

func (d disked) flags(step string, readonly, replaced, mounted float64) {
	d.t.Helper()
	d.becomes(step, map[string]float64{"readonly": readonly, "replaced": replaced, "mounted": mounted})
}

// readAgain waits for the first reading after a reload.
func (d disked) readAgain() {
	d.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		sensor := d.r.current().disks[0]
		sensor.mu.Lock()
		waits := sensor.rebase
		sensor.mu.Unlock()
		if !waits {
			return
		}
	}
	d.t.Fatal("not read again after a reload")
}

// mounts are what a test does to the mounts of its process. Whatever cannot be mounted here skips the test.
type mounts struct{ t *testing.T }

func (m mounts) tmpfs(dir, options string) {
	m.t.Helper()
	m.mount("tmpfs", dir, "tmpfs", 0, options)
}

func (m mounts) bind(from, to string) { m.t.Helper(); m.mount(from, to, "", syscall.MS_BIND, "") }

func (m mounts) mount(source, dir, kind string, flags uintptr, options string) {
	m.t.Helper()
	if err := syscall.Mount(source, dir, kind, flags, options); err != nil {
		m.t.Skipf("mount %s on %s: %v", source, dir, err)
	}
}

// unmount takes away the topmost mount, as umount -l does.
func (m mounts) unmount(dir string) {
	m.t.Helper()
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		m.t.Fatal(err)
	}
}

// folders makes folders beside each other on a file system of their own.
func (m mounts) folders(names ...string) (paths []string) {
	m.t.Helper()
	base := m.t.TempDir()
	m.tmpfs(base, "")
	m.t.Cleanup(func() { _ = syscall.Unmount(base, syscall.MNT_DETACH) })
	for _, name := range names {
		path := filepath.Join(base, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			m.t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestDiskFaults does to real mounts what happens to them.
func TestDiskFaults(t *testing.T) {
	if !inMounts(t) {
		return
	}
	m := mounts{t}
	watch := func(t *testing.T, want Disk) disked { return disked{t, runWith(t, want), want.Path} }
	yes, no := new(true), new(false)
	for name, run := range map[string]func(t *testing.T, dirs []string){
		"no inode left": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[0], "size=1m,nr_inodes=11")
			d := watch(t, Disk{Path: dirs[0]})
			d.becomes("one of 11", map[string]float64{"inodes_utilization_ratio": 1.0 / 11})
			for i := range 10 {
				if err := os.Mkdir(filepath.Join(dirs[0], string(rune('a'+i))), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			d.becomes("full", map[string]float64{"inodes_utilization_ratio": 1, "utilization_ratio": 0})
		},
		"unlimited inodes are not counted": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[0], "size=1m,nr_inodes=0")
			watch(t, Disk{Path: dirs[0]}).becomes("none", map[string]float64{"inodes_utilization_ratio": absent, "utilization_ratio": 0})
		},
		"remounted read-only": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[0], "")
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			m.mount("", dirs[0], "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			d.flags("read-only", 1, 0, 1)
			apply(t, d.r, closely(Disk{Path: dirs[0]}))
			d.readAgain()
			d.flags("a reload repairs nothing", 1, 0, 1)
			apply(t, d.r, closely(Disk{Path: dirs[0], Writable: no}))
			d.flags("it may be", 0, 0, 1)
			apply(t, d.r, closely(Disk{Path: dirs[0]}))
			m.mount("", dirs[0], "", syscall.MS_REMOUNT, "")
			d.flags("writable", 0, 0, 1)
		},
		"read-only from the start": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[0], "")
			m.mount("", dirs[0], "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("not a fault", 0, 0, 1)
			apply(t, d.r, closely(Disk{Path: dirs[0], Writable: yes}))
			d.flags("it should be writable", 1, 0, 1)
		},
		"a read-only bind mount of what is writable": func(t *testing.T, dirs []string) {
			m.bind(dirs[1], dirs[0])
			d := watch(t, Disk{Path: dirs[0], Mount: true})
			d.flags("at first", 0, 0, 1)
			m.mount("", dirs[0], "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			d.flags("read-only", 1, 0, 1)
		},
		"seen read-only, as in a sandbox, and then read-only for all": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[1], "")
			m.bind(dirs[1], dirs[0])
			m.mount("", dirs[0], "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			m.mount("", dirs[1], "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			d.flags("read-only", 1, 0, 1)
		},
		"unmounted, and mounted again": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[1], "")
			m.bind(dirs[1], dirs[0])
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			m.unmount(dirs[0])
			d.flags("unmounted", 0, 1, 0)
			m.bind(dirs[1], dirs[0])
			d.flags("the same again", 0, 0, 1)
			m.unmount(dirs[0])
			d.flags("unmounted", 0, 1, 0)
			apply(t, d.r, closely(Disk{Path: dirs[0]}))
			d.flags("a reload accepts what is there", 0, 0, 1)
		},
		"another file system over it": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[0], "")
			d := watch(t, Disk{Path: dirs[0], Mount: true})
			d.flags("at first", 0, 0, 1)
			m.tmpfs(dirs[0], "")
			d.flags("another", 0, 1, 1)
			m.unmount(dirs[0])
			d.flags("gone", 0, 0, 1)
		},
		"another one of the same kind in its place": func(t *testing.T, dirs []string) {
			m.tmpfs(dirs[0], "")
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			m.unmount(dirs[0])
			m.tmpfs(dirs[0], "") // which may get the same device number
			d.flags("another", 0, 1, 1)
		},
		"mounted later than expected": func(t *testing.T, dirs []string) {
			d := watch(t, Disk{Path: dirs[0], Mount: true})
			d.flags("not yet", 0, 1, 0)
			apply(t, d.r, closely(Disk{Path: dirs[0], Mount: true}))
			d.readAgain()
			d.flags("a reload does not accept that", 0, 1, 0)
			m.tmpfs(dirs[0], "")
			d.flags("mounted", 0, 0, 1)
			m.unmount(dirs[0])
			d.flags("unmounted", 0, 1, 0)
		},
		"mounted later without a word": func(t *testing.T, dirs []string) {
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			m.tmpfs(dirs[0], "")
			d.flags("another file system", 0, 1, 1)
		},
		"a bind mount of the same file system": func(t *testing.T, dirs []string) {
			m.bind(dirs[1], dirs[0])
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			m.unmount(dirs[0])
			d.flags("unmounted, and still on the same file system", 0, 0, 0)
			apply(t, d.r, closely(Disk{Path: dirs[0], Mount: true}))
			d.flags("it should be a mount point", 0, 1, 0)
		},
		"a folder below a mount point": func(t *testing.T, dirs []string) {
			below := filepath.Join(dirs[0], "below")
			if err := os.Mkdir(below, 0o755); err != nil {
				t.Fatal(err)
			}
			m.tmpfs(dirs[0], "")
			if err := os.Mkdir(below, 0o755); err != nil {
				t.Fatal(err)
			}
			d := watch(t, Disk{Path: below})
			d.flags("at first", 0, 0, 1)
			m.unmount(dirs[0])
			d.flags("unmounted", 0, 1, 0)
		},
		"a symbolic link": func(t *testing.T, dirs []string) {
			link := filepath.Join(filepath.Dir(dirs[0]), "link")
			m.tmpfs(dirs[0], "")
			m.tmpfs(dirs[1], "")
			d := watch(t, Disk{Path: link, Mount: true})
			for _, target := range []string{dirs[0], dirs[1], dirs[2], dirs[0]} {
				_ = os.Remove(link)
				if err := os.Symlink(target, link); err != nil {
					t.Fatal(err)
				}
				switch target {
				case dirs[0]:
					d.flags("at first, and back", 0, 0, 1)
				case dirs[1]:
					d.flags("another mount", 0, 1, 1)
				default:
					d.flags("a folder", 0, 1, 0)
				}
			}
		},
		"a file": func(t *testing.T, dirs []string) {
			file := filepath.Join(dirs[0], "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			d := watch(t, Disk{Path: file})
			d.flags("at first", 0, 0, 1)
			m.bind("/proc/version", file)
			d.becomes("no blocks", map[string]float64{"utilization_ratio": math.NaN(), "replaced": absent})
			m.unmount(file)
			d.flags("back", 0, 0, 1)
		},
		"a path with blanks and quotes": func(t *testing.T, dirs []string) {
			odd := filepath.Join(dirs[0], "a \"b\"\\\tc\n#é")
			if err := os.Mkdir(odd, 0o755); err != nil {
				t.Fatal(err)
			}
			m.tmpfs(odd, "")
			d := watch(t, Disk{Path: odd, Mount: true})
			d.flags("at first", 0, 0, 1)
			m.unmount(odd)
			d.flags("unmounted", 0, 1, 0)
		},
		"gone and back": func(t *testing.T, dirs []string) {
			d := watch(t, Disk{Path: dirs[0]})
			d.flags("at first", 0, 0, 1)
			if err := os.Remove(dirs[0]); err != nil {
				t.Fatal(err)
			}
			d.becomes("gone", map[string]float64{"utilization_ratio": math.NaN(), "readonly": absent, "replaced": absent, "mounted": absent})
			apply(t, d.r, closely(Disk{Path: dirs[0], Mount: true}))
			d.becomes("gone, and should be a mount point", map[string]float64{
				"utilization_ratio": math.NaN(), "readonly": absent, "replaced": 1, "mounted": 0,
			})
			apply(t, d.r, closely(Disk{Path: dirs[0]}))
			if err := os.Mkdir(dirs[0], 0o755); err != nil {
				t.Fatal(err)
			}
			d.flags("back", 0, 0, 1)
		},
		"no blocks": func(t *testing.T, _ []string) {
			d := watch(t, Disk{Path: "/proc", Mount: true})
			d.becomes("NaN", map[string]float64{"utilization_ratio": math.NaN(), "inodes_utilization_ratio": absent})
			eventually(t, d.r, "unreadable /proc no_blocks disk", func(v float64) bool { return v == 1 })
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, m.folders("one", "two", "three")) })
	}
}

// apply puts options into force, as a reload does.
func apply(t *testing.T, r *Resources, o ResourcesOptions) {
	t.Helper()
	if err := r.Prime(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(o); err != nil {
		t.Fatal(err)
	}
}

// TestStoppedByError has a real file system stop after an error. statfs does not tell on a new kernel.
func TestStoppedByError(t *testing.T) {
	if !inMounts(t) {
		return
	}
	base := t.TempDir()
	image, dir := filepath.Join(base, "image"), filepath.Join(base, "dir")
	script := `truncate -s 16M "$1" && mkfs.ext4 -q "$1" && mkdir "$2" && mount -o loop,errors=remount-ro "$1" "$2"`
	if out, err := exec.Command("sh", "-c", script, "sh", image, dir).CombinedOutput(); err != nil {
		t.Skipf("mount an ext4 image: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	d := disked{t, runOn(t, dir), dir}
	d.flags("at first", 0, 0, 1)
	trigger := `echo 1 > "/sys/fs/ext4/$(basename "$(findmnt -n -o SOURCE "$1")")/trigger_fs_error"`
	if out, err := exec.Command("sh", "-c", trigger, "sh", dir).CombinedOutput(); err != nil {
		t.Skipf("cause an error: %v: %s", err, out)
	}
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o700); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("mkdir: %v, want EROFS", err)
	}
	d.flags("stopped", 1, 0, 1)
	again := disked{t, runOn(t, dir), dir}
	again.flags("stopped before the start", 1, 0, 1)
}
