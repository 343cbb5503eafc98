package collectors

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inMounts runs the test once more in a process with mounts of its own, so that none outlives it, and skips where that
// is not allowed. It says whether this is that process.
func inMounts(t *testing.T) bool {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if !inChild(t, attr) {
		return false
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skipf("make mounts private: %v", err)
	}
	return true
}

// inChild runs the test once more in a process of its own and takes over its outcome. It says whether this is that
// process.
func inChild(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	const env = "COLLECTORS_TEST_CHILD"
	if os.Getenv(env) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), env+"="+t.Name())
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	switch {
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC):
		t.Skipf("start a process with namespaces of its own: %v", err)
	case err != nil:
		t.Fatal(err)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	}
	return false
}

// runOn runs a collector of the real machine that watches paths closely.
func runOn(t *testing.T, paths ...string) *Resources {
	t.Helper()
	return runWith(t, disks(paths...)...)
}

func closely(disks ...Disk) ResourcesOptions {
	return ResourcesOptions{Disks: disks, DiskInterval: 5 * time.Millisecond, DiskTimeout: 500 * time.Millisecond}
}

func runWith(t *testing.T, disks ...Disk) *Resources {
	t.Helper()
	r, err := NewResources(closely(disks...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run(t, r))
	return r
}

// eventually waits until the series has a value that is right.
func eventually(t *testing.T, r *Resources, series string, right func(float64) bool) {
	t.Helper()
	var got map[string]float64
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		got = gathered(t, r)
		if v, ok := got[series]; ok && right(v) {
			return
		}
	}
	t.Fatalf("%s does not become right: %v", series, got)
}

// TestFullDisk fills a real file system.
func TestFullDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	r := runOn(t, dir)
	ratio := "disk_utilization_ratio " + dir
	eventually(t, r, ratio, func(v float64) bool { return v == 0 })

	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, r, ratio, func(v float64) bool { return v == 0.5 })
	if err := os.WriteFile(name, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("writing 2 MiB into 1 MiB: %v", err)
	}
	eventually(t, r, ratio, func(v float64) bool { return v == 1 })
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	eventually(t, r, ratio, func(v float64) bool { return v == 0 })
}

// TestHungMount has statfs hang in the kernel: a FUSE file system whose server never answers.
func TestHungMount(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := t.TempDir()
	server, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = server.Close() }) // else nobody could remove dir
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", server.Fd(), os.Getuid(), os.Getgid())
	if err := syscall.Mount("fuse", dir, "fuse", syscall.MS_NODEV|syscall.MS_NOSUID, options); err != nil {
		t.Skipf("mount: %v", err)
	}
	r := runOn(t, dir, "/")
	time.Sleep(time.Second) // past the timeout
	before := threads(t)
	time.Sleep(time.Second)
	got := gathered(t, r)
	if v := got["disk_utilization_ratio "+dir]; !math.IsNaN(v) {
		t.Errorf("the hung mount has %v", v)
	}
	if v := got["disk_age_seconds "+dir]; v < 2 {
		t.Errorf("the hung mount was last read %v s ago", v)
	}
	if got["unreadable "+dir+" timeout disk"] != 1 {
		t.Errorf("no reason for the hung mount: %v", got)
	}
	eventually(t, r, "disk_utilization_ratio /", func(v float64) bool { return v > 0 })
	var check PathCheck
	for range 20 {
		failed := check.Check(t.Context(), []string{dir, "/"}, 10*time.Millisecond)
		if err := failed[dir]; len(failed) != 1 || !errors.Is(err, errTimeout) {
			t.Fatalf("a check of paths fails with %v, want a timeout of the hung one", failed)
		}
	}
	if after := threads(t); after > before+20 { // a hung call keeps a thread; one a read would be 200
		t.Errorf("%d threads, %d a second before", after, before)
	}
	if err := server.Close(); err != nil { // the kernel gives up what waits for the server
		t.Error(err)
	}
	eventually(t, r, "unreadable "+dir+" not_connected disk", func(v float64) bool { return v == 1 })
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Error(err)
	}
	eventually(t, r, "disk_utilization_ratio "+dir, func(v float64) bool { return v > 0 }) // the directory beneath
}

// threads is how many threads this process has.
func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}
