package collectors

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// cpuV2 is a version 2 group with a limit that has used some CPU time.
func cpuV2(name, limit string, used time.Duration) files {
	dir := "sys/fs/cgroup" + name
	us := strconv.FormatInt(used.Microseconds(), 10)
	return files{dir + "/cpu.max": limit + "\n", dir + "/cpu.stat": "usage_usec " + us + "\nuser_usec 1\n"}
}

// cpuV1 is the same in version 1.
func cpuV1(name, quota string, used time.Duration) files {
	dir := "sys/fs/cgroup/cpu,cpuacct" + name
	return files{
		dir + "/cpu.cfs_quota_us":  quota + "\n",
		dir + "/cpu.cfs_period_us": "100000\n",
		dir + "/cpuacct.usage":     strconv.FormatInt(used.Nanoseconds(), 10) + "\n",
	}
}

// app and appV1 are the group of the process itself.
func app(limit string, used time.Duration) files   { return cpuV2("/pod/app", limit, used) }
func appV1(quota string, used time.Duration) files { return cpuV1("/pod/app", quota, used) }

const (
	sec  = time.Second
	two  = "200000 100000" // CPUs
	one  = "100000 100000"
	half = "50000 100000"
	none = "max 100000"
)

// TestCPU reads, lets 2 s pass in which the files become what after says, and reads again.
func TestCPU(t *testing.T) {
	v2 := member("0::/pod/app\n", mountV2)
	v1 := member("2:cpu,cpuacct:/pod/app\n", mountCPUV1)
	const cpuAlone = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu\n"
	unaccounted := member("2:cpu:/pod/app\n3:cpuacct:/\n", cpuAlone)
	apart := member("2:cpu:/pod/app\n3:cpuacct:/\n", cpuAlone+"33 31 0:30 / /acct rw - cgroup cgroup rw,cpuacct\n")
	busy := files{"proc/stat": hostStat(1200, 3600)} // 200 of 800 ticks
	for name, tt := range map[string]struct {
		before, after files
		want          float64
		wantErr       string
	}{
		"host":                      {before: host.with(files{"proc/1/mountinfo": ""}), after: busy, want: 0.25},
		"host, counters stand":      {before: v2, wantErr: "stand still or went back"},
		"host, idle went back":      {before: v2, after: files{"proc/stat": hostStat(1200, 2900)}, want: 1},
		"version 2":                 {before: v2.with(app(two, 5*sec)), after: app(two, 7*sec), want: 0.5},
		"version 2, half a CPU":     {before: v2.with(app(half, 0)), after: app(half, sec/2), want: 0.5},
		"version 2, over its limit": {before: v2.with(app(half, 0)), after: app(half, 3*sec), want: 1},
		"version 2, went back":      {before: v2.with(app(half, 5*sec)), after: app(half, 0), want: 0},
		"version 2, no limit":       {before: v2.with(app(none, 0)), after: busy.with(app(none, sec)), want: 0.25},
		"version 2, limit over host": {
			before: v2.with(app("800000 100000", 0)), after: busy.with(app("800000 100000", sec)), want: 0.25,
		},
		"version 2, the parent's smaller limit": {
			before: v2.with(app(two, 0), cpuV2("/pod", one, sec)),
			after:  app(two, sec).with(cpuV2("/pod", one, 2*sec+sec/2)), want: 0.75,
		},
		"version 2, only the parent is limited": {
			before: v2.with(app(none, 0), cpuV2("/pod", one, 0)),
			after:  cpuV2("/pod", one, sec), want: 0.5,
		},
		"version 2, limit lowered": {
			before: v2.with(app(two, 0)), after: app(one, sec), want: 0.5,
		},
		"version 2, limit lifted": {
			before: v2.with(app(two, 0)), after: busy.with(app(none, sec)), want: 0.25,
		},
		"version 2, limit introduced": {
			before: v2, after: busy.with(app(two, sec)), wantErr: errNoWindow.Error(),
		},
		"version 2, moved to another group": {
			before:  v2.with(app(two, 0)),
			after:   cpuV2("/other", two, sec).with(files{"proc/1/cgroup": "0::/other\n"}),
			wantErr: errNoWindow.Error(),
		},
		"version 1":           {before: v1.with(appV1("200000", 5*sec)), after: appV1("200000", 7*sec), want: 0.5},
		"version 1, no limit": {before: v1.with(appV1("-1", 0)), after: busy.with(appV1("-1", sec)), want: 0.25},
		"version 1, nested": {
			before: v1.with(appV1("-1", 0), cpuV1("/pod", "100000", 0), cpuV1("", "-1", 0)),
			after:  cpuV1("/pod", "100000", sec), want: 0.5,
		},
		"version 1, accounting mounted apart": {
			before: apart.with(appV1("200000", 0), files{"acct/pod/app/cpuacct.usage": "0\n"}),
			after:  files{"acct/pod/app/cpuacct.usage": "1000000000\n"}, want: 0.25,
		},
		"version 1, accounting elsewhere": {
			before:  apart.with(appV1("200000", 0)),
			wantErr: "/acct/pod/app/cpuacct.usage: no such file",
		},
		"version 1, no accounting": {
			before:  unaccounted.with(appV1("200000", 0)),
			wantErr: "cpuacct, which counts it, is not mounted",
		},
		"malformed limit": {
			before: v2.with(app("1", 0)), wantErr: `/pod/app/cpu.max: "1\n" is not a quota and a period`,
		},
		"malformed period": {
			before:  v1.with(appV1("200000", 0), files{"sys/fs/cgroup/cpu,cpuacct/pod/app/cpu.cfs_period_us": "x"}),
			wantErr: `cpu.cfs_period_us: "x" is not a whole number`,
		},
		"malformed usage": {
			before:  v2.with(app(half, 0), files{"sys/fs/cgroup/pod/app/cpu.stat": "nr_periods 1\n"}),
			wantErr: "cpu.stat: there is no usage_usec",
		},
		"malformed stat": {before: v2.with(files{"proc/stat": "cpu x\n"}), wantErr: "read host CPU: "},
		"empty stat":     {before: v2.with(files{"proc/stat": ""}), wantErr: "/proc/stat has no CPU times"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tt.before.root(t)
			synctest.Test(t, func(t *testing.T) {
				m := &cpuMeter{root: root, cgroups: cgroups{root: root}}
				_, err := m.read()
				if errors.Is(err, errNoWindow) {
					time.Sleep(2 * time.Second)
					tt.after.write(t, root)
					var got float64
					if got, err = m.read(); !near(got, tt.want) {
						t.Errorf("got %v, want %v", got, tt.want)
					}
				}
				if !matches(err, tt.wantErr) {
					t.Errorf("error %v, want %q", err, tt.wantErr)
				}
			})
		})
	}
}

// TestCPUMissingPeriod: a quota whose period is missing is an error, not a group without a limit.
func TestCPUMissingPeriod(t *testing.T) {
	root := member("2:cpu,cpuacct:/app\n", mountCPUV1).with(cpuV1("/app", "200000", 0)).root(t)
	if err := os.Remove(filepath.Join(root, "sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us")); err != nil {
		t.Fatal(err)
	}
	_, err := (&cpuMeter{root: root, cgroups: cgroups{root: root}}).read()
	if !matches(err, "quota without a period: ") {
		t.Errorf("error %v", err)
	}
}

// TestCPUAfterFailure: after a failed sample the next one has nothing to compare with, so no value spans the gap.
func TestCPUAfterFailure(t *testing.T) {
	root := host.with(files{"proc/1/mountinfo": ""}).root(t)
	m := &cpuMeter{root: root, cgroups: cgroups{root: root}}
	for i, step := range []struct{ stat, wantErr string }{
		{hostStat(1000, 3000), errNoWindow.Error()},
		{"", "has no CPU times"},
		{hostStat(1100, 3100), errNoWindow.Error()},
		{hostStat(1200, 3200), ""},
	} {
		files{"proc/stat": step.stat}.write(t, root)
		if _, err := m.read(); !matches(err, step.wantErr) {
			t.Errorf("step %d: error %v, want %q", i, err, step.wantErr)
		}
	}
}
