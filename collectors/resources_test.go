package collectors

import (
	"bytes"
	"context"
	"maps"
	"math"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// disks are paths of which nothing is expected.
func disks(paths ...string) (out []Disk) {
	for _, path := range paths {
		out = append(out, Disk{Path: path})
	}
	return out
}

// newFixture is a collector of the fixture host, whose disks are half full.
func newFixture(t testing.TB, o ResourcesOptions) *Resources {
	t.Helper()
	half := func(string) (fileSystem, error) { return fileSystem{space: space{used: 1, available: 1}}, nil }
	r, err := newResources(o, system{root: host.with(files{"proc/1/mountinfo": ""}).root(t), fileSystem: half})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// gathered are the values of one gather through a registry that checks everything, by name and label value.
func gathered(t testing.TB, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), "chorus_resource_")
		for _, m := range f.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			values[key] = m.GetGauge().GetValue()
		}
	}
	return values
}

// sound adds the flags of the paths that have a value: nothing is wrong with them.
func sound(values map[string]float64) map[string]float64 {
	for key := range maps.Clone(values) {
		if path, ok := strings.CutPrefix(key, "disk_utilization_ratio "); ok {
			values["disk_readonly "+path], values["disk_replaced "+path], values["disk_mounted "+path] = 0, 0, 1
		}
	}
	return values
}

// expect compares gathered values with those wanted; there may be no others.
func expect(t testing.TB, c prometheus.Collector, want map[string]float64) {
	t.Helper()
	got := gathered(t, c)
	for key, value := range want {
		if v, ok := got[key]; !ok || !near(v, value) && v != value {
			t.Errorf("%s is %v (there: %v), want %v", key, v, ok, value)
		}
	}
	for key, value := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s is %v, want none", key, value)
		}
	}
}

// run starts Run and returns what ends it and waits.
func run(t testing.TB, r *Resources) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

var nan = math.NaN()

func TestResourcesValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFixture(t, ResourcesOptions{
			Disks: disks("/", "/data"), Thresholds: ResourceThresholds{CPU: 0.9, Disk: 0.8},
		})
		root := r.system.root
		thresholds := func(values map[string]float64) map[string]float64 {
			values["threshold_ratio cpu"], values["threshold_ratio disk"] = 0.9, 0.8
			return values
		}
		nothing := thresholds(map[string]float64{
			"disk_age_seconds /": 0, "disk_age_seconds /data": 0,
		})
		expect(t, r, nothing)
		stop := run(t, r)
		synctest.Wait()
		expect(t, r, thresholds(sound(map[string]float64{
			"memory_utilization_ratio": 0.25, // the CPU has one sample, and no value yet
			"disk_utilization_ratio /": 0.5, "disk_age_seconds /": 0,
			"disk_utilization_ratio /data": 0.5, "disk_age_seconds /data": 0,
		})))
		if err := r.Run(t.Context()); err == nil {
			t.Error("a second Run began")
		}

		files{"proc/stat": hostStat(1300, 3100)}.write(t, root)
		time.Sleep(firstWindow) // the first CPU value does not wait for an interval
		synctest.Wait()
		expect(t, r, thresholds(sound(map[string]float64{
			"cpu_utilization_ratio": 0.75, "memory_utilization_ratio": 0.25,
			"disk_utilization_ratio /": 0.5, "disk_age_seconds /": 1,
			"disk_utilization_ratio /data": 0.5, "disk_age_seconds /data": 1,
		})))

		files{"proc/stat": hostStat(1400, 3400), "proc/meminfo": "MemTotal: 8 kB\nMemAvailable: 2 kB\n"}.write(t, root)
		time.Sleep(DefaultResourceInterval)
		synctest.Wait()
		if got := gathered(t, r); got["cpu_utilization_ratio"] != 0.25 || got["memory_utilization_ratio"] != 0.75 {
			t.Errorf("got %v", got)
		}
		stop()
		expect(t, r, thresholds(map[string]float64{ // nobody measures any more
			"disk_age_seconds /": 6, "disk_age_seconds /data": 6,
		}))
	})
}

// TestResourcesFailures: a failed read gives NaN once there was a value, and for a path at once. It is logged once when
// it begins and once when it ends.
func TestResourcesFailures(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		r := newFixture(t, ResourcesOptions{Disks: disks("/data")})
		r.logger = log.NewLogfmtLogger(log.NewSyncWriter(&out))
		var diskErr error
		var mu sync.Mutex
		r.disks[0].read = newDisk("/data", func(string) (fileSystem, error) {
			mu.Lock()
			defer mu.Unlock()
			return fileSystem{space: space{used: 3, available: 1}}, diskErr
		}).read
		fail := func(err error) { mu.Lock(); diskErr = err; mu.Unlock() }
		stop := run(t, r)
		defer stop()
		at := func(d time.Duration, want map[string]float64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			expect(t, r, want)
		}
		at(0, sound(map[string]float64{
			"memory_utilization_ratio": 0.25, "disk_utilization_ratio /data": 0.75, "disk_age_seconds /data": 0,
		}))
		files{"proc/stat": "rubbish", "proc/meminfo": "rubbish"}.write(t, r.system.root)
		fail(syscall.EACCES)
		blind := map[string]float64{ // the CPU never had a value
			"unreadable  error cpu": 1, "memory_utilization_ratio": nan, "unreadable  error memory": 1,
			"disk_utilization_ratio /data": nan, "unreadable /data permission_denied disk": 1, "disk_age_seconds /data": 60,
		}
		at(DefaultDiskInterval, blind)
		fail(syscall.ENOTCONN)
		delete(blind, "unreadable /data permission_denied disk")
		blind["unreadable /data not_connected disk"], blind["disk_age_seconds /data"] = 1, 120
		at(DefaultDiskInterval, blind)
		fail(nil)
		files{"proc/stat": hostStat(1000, 3000), "proc/meminfo": host["proc/meminfo"]}.write(t, r.system.root)
		delete(blind, "unreadable  error memory")
		blind["memory_utilization_ratio"], blind["disk_age_seconds /data"] = 0.25, 126
		at(DefaultResourceInterval+firstWindow, blind) // the CPU has one sample, and no window
		files{"proc/stat": hostStat(1500, 3500)}.write(t, r.system.root)
		delete(blind, "unreadable  error cpu")
		blind["cpu_utilization_ratio"], blind["disk_age_seconds /data"] = 0.5, 127
		at(firstWindow, blind)
		files{"proc/stat": hostStat(1500, 4500)}.write(t, r.system.root)
		at(DefaultDiskInterval-7*time.Second, sound(map[string]float64{ // the CPU counters stand still: logged again
			"cpu_utilization_ratio": nan, "unreadable  error cpu": 1, "memory_utilization_ratio": 0.25,
			"disk_utilization_ratio /data": 0.75, "disk_age_seconds /data": 0,
		}))
	})
	for line, times := range map[string]int{
		`msg="Failed to read a resource" collector=cpu `:                                                              2,
		`msg="Resource can be read again" collector=cpu`:                                                              1,
		`msg="Failed to read a resource" collector=memory `:                                                           1,
		`msg="Resource can be read again" collector=memory`:                                                           1,
		`msg="Failed to read a resource" collector=disk:/data err="read the file system of /data: permission denied"`: 1,
		`msg="Resource can be read again" collector=disk:/data`:                                                       1,
		`msg=`: 7,
	} {
		if got := strings.Count(out.String(), line); got != times {
			t.Errorf("%d times %q, want %d, in\n%s", got, line, times, out.String())
		}
	}
}

func TestResourcesApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFixture(t, ResourcesOptions{Disks: disks("/", "/old"), Thresholds: ResourceThresholds{CPU: 0.9}})
		stop := run(t, r)
		synctest.Wait()
		files{"proc/stat": hostStat(1300, 3100)}.write(t, r.system.root)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := sound(map[string]float64{
			"cpu_utilization_ratio": 0.75, "memory_utilization_ratio": 0.25, "threshold_ratio cpu": 0.9,
			"disk_utilization_ratio /": 0.5, "disk_age_seconds /": 2,
			"disk_utilization_ratio /old": 0.5, "disk_age_seconds /old": 2,
		})
		expect(t, r, before)

		if err := r.Apply(ResourcesOptions{Disks: disks("/new"), Thresholds: ResourceThresholds{Disk: 90}}); err == nil {
			t.Error("a threshold of 90 was applied")
		}
		synctest.Wait()
		expect(t, r, before)

		err := r.Apply(ResourcesOptions{
			Disks: disks("/new", "/"), Thresholds: ResourceThresholds{Disk: 0.7}, Interval: 10 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, r, sound(map[string]float64{
			"cpu_utilization_ratio": 0.75, "memory_utilization_ratio": 0.25, "threshold_ratio disk": 0.7,
			"disk_utilization_ratio /": 0.5, "disk_age_seconds /": 0, // both read at once
			"disk_utilization_ratio /new": 0.5, "disk_age_seconds /new": 0,
		}))
		files{"proc/meminfo": "MemTotal: 8 kB\nMemAvailable: 2 kB\n"}.write(t, r.system.root)
		time.Sleep(7 * time.Second) // the old interval would have ended
		synctest.Wait()
		if got := gathered(t, r)["memory_utilization_ratio"]; got != 0.25 {
			t.Errorf("memory %v after 9 s, want the value of the start", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := gathered(t, r)["memory_utilization_ratio"]; got != 0.75 {
			t.Errorf("memory %v after 10 s, want a new one", got)
		}
		stop()
		if err := r.Apply(ResourcesOptions{}); err != nil { // not running: in force with the next Run
			t.Fatal(err)
		}
		expect(t, r, map[string]float64{})
	})
}

// TestResourcesConcurrency applies, gathers and samples at once, for the race detector.
func TestResourcesConcurrency(t *testing.T) {
	r := newFixture(t, ResourcesOptions{Interval: time.Millisecond, DiskInterval: time.Millisecond})
	stop := run(t, r)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for i := range 50 {
				o := ResourcesOptions{Interval: time.Millisecond, DiskInterval: time.Millisecond}
				o.Disks = disks("/", "/a")[:i%2+1]
				if err := r.Apply(o); err != nil {
					t.Error(err)
				}
				gathered(t, r)
			}
		})
	}
	all.Wait()
	stop()
}

// TestRealHost reads the machine the test runs on.
func TestRealHost(t *testing.T) {
	r, err := NewResources(ResourcesOptions{
		Disks: disks("/", "/does/not/exist"), Thresholds: ResourceThresholds{0.9, 0.9, 0.9, 0.9},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, r)
	defer stop()
	deadline := time.Now().Add(30 * time.Second)
	got := gathered(t, r)
	there := func() bool { _, ok := got["cpu_utilization_ratio"]; return ok }
	for ; !there() && time.Now().Before(deadline); got = gathered(t, r) {
		time.Sleep(50 * time.Millisecond)
	}
	if cpu := got["cpu_utilization_ratio"]; !there() || !(cpu >= 0 && cpu <= 1) {
		t.Errorf("CPU %v", cpu)
	}
	for _, name := range []string{"memory_utilization_ratio", "disk_utilization_ratio /"} {
		if v := got[name]; !(v > 0 && v < 1) { // a test can't run in no memory, nor without a file
			t.Errorf("%s %v", name, v)
		}
	}
	if v := got["disk_utilization_ratio /does/not/exist"]; !math.IsNaN(v) {
		t.Errorf("a path that does not exist has %v", v)
	}
	problems, err := testutil.CollectAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
