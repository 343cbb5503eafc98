package collectors

import (
	"bytes"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
)

func TestSpaceRatio(t *testing.T) {
	for name, tt := range map[string]struct {
		space   space
		want    float64
		wantErr string
	}{
		"empty":              {space: space{available: 10}},
		"half":               {space: space{used: 5, available: 5}, want: 0.5},
		"full":               {space: space{used: 10}, want: 1},
		"full but for root":  {space: space{used: 95, available: 0}, want: 1},
		"root used reserves": {space: space{used: 100, available: -1}, want: 1},
		"no blocks":          {space: space{}, wantErr: "no blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.space.ratio()
			if !matches(err, tt.wantErr) || got != tt.want {
				t.Errorf("got %v, %v, want %v, %q", got, err, tt.want, tt.wantErr)
			}
		})
	}
}

// mount is a file system that hangs on demand.
type mount struct {
	begun atomic.Int32 // calls of read
	hang  atomic.Pointer[chan struct{}]
}

func (m *mount) read(path string) (fileSystem, error) {
	if path != "/nfs" {
		return fileSystem{space: space{used: 1, available: 3}}, nil
	}
	m.begun.Add(1)
	if c := m.hang.Load(); c != nil {
		<-*c
	}
	return fileSystem{space: space{used: 1, available: 1}}, nil
}

// block lets read hang until release is called.
func (m *mount) block() (release func()) {
	c := make(chan struct{})
	m.hang.Store(&c)
	return func() {
		m.hang.Store(nil)
		close(c)
	}
}

// absent stands for a series that is absent.
const absent = -1

// TestStuckDisk: a read that does not return costs its own path its value and nothing else, and there is one of it.
func TestStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := newFixture(t, ResourcesOptions{}).system.root
		var nfs mount
		var out bytes.Buffer
		options := ResourcesOptions{Disks: disks("/fine", "/nfs"), Logger: log.NewLogfmtLogger(log.NewSyncWriter(&out))}
		r, err := newResources(options, system{root: root, fileSystem: nfs.read})
		if err != nil {
			t.Fatal(err)
		}
		at := func(d time.Duration, ratio, age float64, begun int32) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			got := gathered(t, r)
			is, ok := got["disk_utilization_ratio /nfs"]
			if !ok {
				is = absent
			}
			if !near(is, ratio) || got["disk_age_seconds /nfs"] != age {
				t.Errorf("after %s: %v, want ratio %v and age %v", d, got, ratio, age)
			}
			if got["disk_utilization_ratio /fine"] != 0.25 || got["memory_utilization_ratio"] != 0.25 {
				t.Errorf("after %s the others have %v", d, got)
			}
			if n := nfs.begun.Load(); n != begun {
				t.Errorf("after %s: %d reads, want %d", d, n, begun)
			}
		}

		release := nfs.block()
		stop := run(t, r)
		at(time.Second, absent, 1, 1) // may still answer
		at(10*time.Minute, nan, 601, 1)
		release()
		at(0, nan, 601, 1) // an answer that late counts for nothing; the next read does
		at(DefaultDiskInterval, 0.5, 1, 2)

		release = nfs.block()
		at(DefaultDiskInterval, 0.5, 61, 3) // begun a second ago, may still answer
		at(DefaultDiskTimeout, nan, 66, 3)
		if err := r.Apply(ResourcesOptions{Disks: disks("/fine")}); err != nil {
			t.Fatal(err)
		}
		if err := r.Apply(options); err != nil {
			t.Fatal(err)
		}
		at(10*time.Minute, nan, 600, 3) // a new sensor, but still the one call
		stop()                          // does not wait for it
		release()
		synctest.Wait()

		stop = run(t, r) // and once more from the start
		at(0, 0.5, 0, 4)
		stop()
		if n := strings.Count(out.String(), `collector=disk:/nfs err="read disk:/nfs: no answer within 5s"`); n != 3 {
			t.Errorf("%d lines about the mount, want 2 for the times it got stuck, 1 for the new sensor:\n%s", n, out.String())
		}
		if strings.Contains(out.String(), "disk:/fine") {
			t.Errorf("lines about the other path:\n%s", out.String())
		}
	})
}

// TestStuckMemory: files in place of the kernel's may hang as well (lxcfs); the last value does not outlive that.
func TestStuckMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFixture(t, ResourcesOptions{})
		var hang atomic.Bool
		release := make(chan struct{})
		read := r.memory.read
		r.memory.read = func() (float64, error) {
			if hang.Load() {
				<-release
			}
			return read()
		}
		stop := run(t, r)
		synctest.Wait()
		if got := gathered(t, r)["memory_utilization_ratio"]; got != 0.25 {
			t.Errorf("memory %v", got)
		}
		hang.Store(true)
		time.Sleep(DefaultResourceInterval + readTimeout + time.Second)
		synctest.Wait()
		if got := gathered(t, r)["memory_utilization_ratio"]; !math.IsNaN(got) {
			t.Errorf("memory %v while reading hangs", got)
		}
		hang.Store(false)
		close(release)
		time.Sleep(DefaultResourceInterval)
		synctest.Wait()
		if got := gathered(t, r)["memory_utilization_ratio"]; got != 0.25 {
			t.Errorf("memory %v once reading works again", got)
		}
		stop()
	})
}
