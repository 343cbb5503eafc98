package collectors

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestRealCgroup puts a process into a control group of the running kernel, limits it, and measures from inside.
func TestRealCgroup(t *testing.T) {
	child := os.Getenv("COLLECTORS_TEST_CHILD") == t.Name()
	owner := os.Getpid() // other runs of this test may be under way
	if child {
		owner = os.Getppid()
	}
	name := "chorus-collectors-test-" + strconv.Itoa(owner)
	host := &cgroups{root: "/"}
	dirs := make(map[string]string)
	version := 0
	for _, controller := range []string{"cpu", "cpuacct", "memory"} {
		tree, err := host.tree(controller)
		if err != nil {
			t.Fatal(err)
		}
		if tree.version == 0 {
			t.Skipf("no control groups for %s", controller)
		}
		dirs[controller], version = filepath.Join(tree.dir, name), tree.version
	}
	if !child {
		for _, dir := range dirs {
			if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
				t.Skip(err)
			}
			defer syscall.Rmdir(dir) // several controllers may share a directory
		}
		limitGroup(t, version, dirs)
	}
	if !inChild(t, &syscall.SysProcAttr{}) {
		return
	}
	for _, dir := range dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			t.Skip(err)
		}
	}
	measureLimited(t)
}

// limitGroup allows a fifth of a CPU and 256 MiB.
func limitGroup(t *testing.T, version int, dirs map[string]string) {
	limits := map[string]string{
		filepath.Join(dirs["memory"], "memory.max"): "268435456",
		filepath.Join(dirs["cpu"], "cpu.max"):       "20000 100000",
	}
	if version == 1 {
		limits = map[string]string{
			filepath.Join(dirs["memory"], "memory.limit_in_bytes"): "268435456",
			filepath.Join(dirs["cpu"], "cpu.cfs_quota_us"):         "20000",
		}
	}
	for file, limit := range limits {
		if err := os.WriteFile(file, []byte(limit), 0); err != nil {
			t.Skip(err)
		}
	}
}

// measureLimited uses half of the memory and all of the CPU time.
func measureLimited(t *testing.T) {
	held, err := syscall.Mmap(-1, 0, 128<<20, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(held) // else it ends with the process
	memory, err := (&memoryMeter{root: "/", cgroups: cgroups{root: "/"}}).read()
	if err != nil || memory < 0.5 || memory > 0.9 {
		t.Errorf("memory %v, %v; half of it is held", memory, err)
	}
	meter := &cpuMeter{root: "/", cgroups: cgroups{root: "/"}}
	if _, err := meter.read(); err == nil {
		t.Error("a CPU value from one sample")
	}
	var cpu float64
	for round := 0; cpu < 0.5; round++ { // on a busy machine it may take a while until as much as is allowed can be used
		for burned, end := 0, time.Now().Add(time.Second); time.Now().Before(end); {
			burned++
		}
		if cpu, err = meter.read(); err != nil || round == 60 {
			t.Fatalf("CPU %v, %v; all of it was used", cpu, err)
		}
	}
	t.Logf("memory %.2f, CPU %.2f", memory, cpu)
}
