package collectors

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// files are the contents of a file tree by path. A content that starts with "->" is the target of a symbolic link.
type files map[string]string

// with is f with more laid over it.
func (f files) with(more ...files) files {
	all := maps.Clone(f)
	for _, m := range more {
		maps.Copy(all, m)
	}
	return all
}

// write puts the files below root.
func (f files) write(t testing.TB, root string) {
	t.Helper()
	for name, content := range f {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(content) > 2 && content[:2] == "->" {
			err = os.Symlink(content[2:], name)
		} else {
			err = os.WriteFile(name, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// root writes the files below a new directory.
func (f files) root(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	f.write(t, root)
	return root
}

// host is a machine of 4 CPUs and 8000 kB, of which 2000 kB are used, without control groups.
var host = files{
	"proc/self":    "->1",
	"proc/1/stat":  "",
	"proc/stat":    hostStat(1000, 3000),
	"proc/meminfo": "MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable: 6000 kB\n",
}

// hostStat is /proc/stat of 4 CPUs with sums in ticks of 10 ms.
func hostStat(busy, idle int) string {
	cpu := func(name string, b, i int) string {
		return name + " " + strconv.Itoa(b) + " 0 0 " + strconv.Itoa(i) + " 0 0 0 0 0 0\n"
	}
	text := cpu("cpu", busy, idle)
	for _, name := range []string{"cpu0", "cpu1", "cpu2", "cpu3"} {
		text += cpu(name, busy/4, idle/4)
	}
	return text
}

// mounts of control groups as the kernel lists them.
const (
	mountV2       = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	mountMemoryV1 = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	mountCPUV1    = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	mountUnified  = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	mountRoot     = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
)

// member says in which groups the process is and what is mounted.
func member(cgroup, mountinfo string) files {
	return host.with(files{"proc/1/cgroup": cgroup, "proc/1/mountinfo": mountRoot + mountinfo})
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 || math.IsNaN(a) && math.IsNaN(b) }
