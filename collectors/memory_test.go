package collectors

import "testing"

// group is the memory files of a version 2 group.
func group(name, limit, current, inactive string) files {
	dir := "sys/fs/cgroup" + name
	return files{
		dir + "/memory.max":     limit + "\n",
		dir + "/memory.current": current + "\n",
		dir + "/memory.stat":    "anon 1\ninactive_file " + inactive + "\nactive_file 5\n",
	}
}

func groupV1(name, limit, usage, inactive string) files {
	dir := "sys/fs/cgroup/memory" + name
	return files{
		dir + "/memory.limit_in_bytes": limit + "\n",
		dir + "/memory.usage_in_bytes": usage + "\n",
		dir + "/memory.stat":           "inactive_file 1\ntotal_inactive_file " + inactive + "\n",
	}
}

func TestMemory(t *testing.T) {
	const noLimit = "9223372036854771712"
	v2 := member("0::/pod/app\n", mountV2)
	v1 := member("4:memory:/pod/app\n", mountMemoryV1)
	for name, tt := range map[string]struct {
		files   files
		want    float64
		wantErr string
	}{
		"host":                        {files: host.with(files{"proc/1/mountinfo": ""}), want: 0.25},
		"version 2":                   {files: v2.with(group("/pod/app", "1000", "700", "200")), want: 0.5},
		"version 2, no limit":         {files: v2.with(group("/pod/app", "max", "700", "200")), want: 0.25},
		"version 2, no file":          {files: v2, want: 0.25},
		"version 2, limit over host":  {files: v2.with(group("/pod/app", "99999999", "700", "200")), want: 0.25},
		"version 2, limit of zero":    {files: v2.with(group("/pod/app", "0", "0", "0")), want: 1},
		"version 2, over its limit":   {files: v2.with(group("/pod/app", "1000", "1500", "0")), want: 1},
		"version 2, all is inactive":  {files: v2.with(group("/pod/app", "1000", "300", "400")), want: 0},
		"version 2, in its namespace": {files: member("0::/\n", mountV2).with(group("", "1000", "700", "200")), want: 0.5},
		"version 2, only the parent is limited": {
			files: v2.with(group("/pod/app", "max", "10", "0"), group("/pod", "1000", "800", "200")), want: 0.6,
		},
		"version 2, the parent's smaller limit": {
			files: v2.with(group("/pod/app", "1000", "400", "0"), group("/pod", "500", "450", "0")), want: 0.9,
		},
		"version 2, a neighbour fills the parent": {
			files: v2.with(group("/pod/app", "1000", "400", "0"), group("/pod", "2000", "1900", "0")), want: 0.95,
		},
		"version 2, the own limit is nearer": {
			files: v2.with(group("/pod/app", "1000", "900", "0"), group("/pod", "4000", "1000", "0")), want: 0.9,
		},
		"version 1":           {files: v1.with(groupV1("/pod/app", "1000", "700", "200")), want: 0.5},
		"version 1, no limit": {files: v1.with(groupV1("/pod/app", noLimit, "700", "200")), want: 0.25},
		"version 1, nested": {
			files: v1.with(groupV1("/pod/app", noLimit, "7", "2"), groupV1("/pod", "1000", "800", "100"),
				groupV1("", noLimit, "9000", "0")), want: 0.7,
		},
		"hybrid, version 2 without the controller": {
			files: member("4:memory:/pod/app\n0::/pod/app\n", mountMemoryV1+mountUnified).
				with(groupV1("/pod/app", "1000", "700", "200")), want: 0.5,
		},
		"malformed limit": {
			files: v2.with(group("/pod/app", "lots", "1", "1")), wantErr: `/pod/app/memory.max: "lots" is not a whole number`,
		},
		"malformed usage": {
			files: v2.with(group("/pod/app", "1000", "", "1")), wantErr: `/pod/app/memory.current: "" is not a whole number`,
		},
		"malformed parent": {
			files:   v2.with(group("/pod/app", "1000", "400", "0"), group("/pod", "", "1", "1")),
			wantErr: `/pod/memory.max: "" is not a whole number`,
		},
		"stat without the key": {
			files:   v2.with(group("/pod/app", "1000", "400", "0"), files{"sys/fs/cgroup/pod/app/memory.stat": "anon 1\n"}),
			wantErr: "memory.stat: there is no inactive_file",
		},
		"limit without usage": {
			files:   v2.with(files{"sys/fs/cgroup/pod/app/memory.max": "1000\n"}),
			wantErr: "memory.current: no such file",
		},
		"malformed meminfo": {
			files: v2.with(files{"proc/meminfo": "MemTotal: x kB\n"}), wantErr: "read host memory: ",
		},
		"meminfo of an old kernel": {
			files: v2.with(files{"proc/meminfo": "MemTotal: 8 kB\nMemFree: 1 kB\n"}), wantErr: "lacks MemTotal or MemAvailable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tt.files.root(t)
			got, err := (&memoryMeter{root: root, cgroups: cgroups{root: root}}).read()
			if !matches(err, tt.wantErr) {
				t.Fatalf("error %v, want %q", err, tt.wantErr)
			}
			if !near(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
