package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"

	"chorus/collectors"
)

// A value that is not known yet is absent: a range over it is a number as soon as there is one.
func TestRangeAfterStart(t *testing.T) {
	rules := write(t, "own.rules.yml", `groups:
  - name: w
    rules:
      - alert: W1
        expr: avg_over_time(chorus_resource_memory_utilization_ratio[1m]) > 0.9999
        labels: {check_name: w1, component: resources, severity: warning}
        annotations: {summary: memory}
      - alert: W2
        expr: avg_over_time(chorus_resource_cpu_utilization_ratio[1m]) > 1
        labels: {check_name: w2, component: resources, severity: warning}
        annotations: {summary: CPU}
      - alert: W3
        expr: avg_over_time(chorus_resource_disk_age_seconds[1m]) > 100
        labels: {check_name: w3, component: resources, severity: warning}
        annotations: {summary: disk}
`)
	c := start(t, "--config.file="+write(t, "chorus.yml", "evaluation_interval: 100ms\nrule_files: ["+rules+"]\n"))
	unknown := regexp.MustCompile(`(?m)^chorus_resource_.* (NaN|\+Inf)$`)
	for _, check := range []string{"w1", "w2", "w3"} {
		c.eventually(check+" passes", func() bool {
			_, body := c.get("/metrics")
			if line := unknown.FindString(body); line != "" {
				t.Fatalf("exposed: %s", line)
			}
			_, h := c.health("/health")
			return h.Checks[check].State == "ok"
		})
	}
}

// A resource that is off is not measured, limited, shown or missed; a reload turns it off and on.
func TestResourceOff(t *testing.T) {
	const on = "evaluation_interval: 200ms\nresources: {cpu: 0.999, memory: 0.999, disk: 0.999}\n"
	file := write(t, "chorus.yml", on)
	c := start(t, "--config.file="+file)
	passes := func() bool { _, h := c.health("/health"); return h.Checks["resource-health"].State == "ok" }
	measured := func(series ...string) {
		t.Helper()
		c.eventually("measured are "+strings.Join(series, " "), func() bool {
			_, body := c.get("/metrics")
			var got []string
			for _, m := range regexp.MustCompile(`(?m)^chorus_resource_(cpu|memory|disk)_utilization_ratio|^chorus_resource_threshold_ratio\{resource="(\w+)"\}|`+
				`^chorus_health_key_metric\{key="resource_utilization_(\w+)"\}`).FindAllStringSubmatch(body, -1) {
				got = append(got, m[1]+m[2]+m[3])
			}
			return cmp.Equal(series, got)
		})
		c.eventually("the check passes", passes)
	}
	measured("cpu", "disk", "memory", "cpu", "disk", "memory", "cpu", "disk", "inodes", "memory")
	c.reloadWith(file, strings.Replace(on, "cpu: 0.999", "cpu: off", 1))
	measured("disk", "memory", "disk", "memory", "disk", "inodes", "memory")
	_, h := c.health("/health")
	if got := h.Checks["resource-health"].Message; strings.Contains(got, "CPU") || !strings.HasPrefix(got, "memory ") {
		t.Errorf("the message is %q, want it without the CPU", got)
	}
	c.reloadWith(file, "evaluation_interval: 200ms\nresources: {cpu: off, memory: off, disk: 0.999, inodes: off}\n")
	measured("disk", "disk", "disk")
	c.reloadWith(file, on)
	measured("cpu", "disk", "memory", "cpu", "disk", "memory", "cpu", "disk", "inodes", "memory")
}

// What the limits, the checks and the disks mean for what is measured.
func TestResourceOptions(t *testing.T) {
	root := []collectors.Disk{{Path: "/"}}
	for name, tt := range map[string]struct {
		config     string
		thresholds collectors.ResourceThresholds
		omit       collectors.OmittedResources
		disks      []collectors.Disk
	}{
		"defaults": {
			"", collectors.ResourceThresholds{CPU: 0.9, Memory: 0.85, Disk: 0.9, Inodes: 0.9}, collectors.OmittedResources{}, root,
		},
		"CPU off": {
			"resources: {cpu: false}",
			collectors.ResourceThresholds{Memory: 0.85, Disk: 0.9, Inodes: 0.9},
			collectors.OmittedResources{CPU: true},
			root,
		},
		"disks off": {
			`resources: {disk: "OFF"}`, collectors.ResourceThresholds{CPU: 0.9, Memory: 0.85}, collectors.OmittedResources{}, nil,
		},
		"inodes off": {
			"resources: {inodes: off}",
			collectors.ResourceThresholds{CPU: 0.9, Memory: 0.85, Disk: 0.9},
			collectors.OmittedResources{Inodes: true},
			root,
		},
		"memory alone": {
			"checks: {memory-usage: {enabled: true}, resource-health: {enabled: false}}\nresources: {cpu: off, disk: off}",
			collectors.ResourceThresholds{Memory: 0.85},
			collectors.OmittedResources{CPU: true},
			nil,
		},
		"expectations": {
			"disks: [{path: /, mount: true, writable: false}]",
			collectors.ResourceThresholds{CPU: 0.9, Memory: 0.85, Disk: 0.9, Inodes: 0.9},
			collectors.OmittedResources{},
			[]collectors.Disk{{Path: "/", Mount: true, Writable: new(false)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := prepare(write(t, "chorus.yml", "node_id: here\n"+tt.config+"\n"), nil, log.NewNopLogger())
			if err != nil {
				t.Fatal(err)
			}
			got := p.resources
			if diff := cmp.Diff(tt.thresholds, got.Thresholds) + cmp.Diff(tt.omit, got.Omit) + cmp.Diff(tt.disks, got.Disks); diff != "" {
				t.Errorf("options differ (-want +got):\n%s", diff)
			}
			again, err := prepare(write(t, "shown.yml", string(p.shown)), nil, log.NewNopLogger())
			if err != nil {
				t.Fatalf("what /config shows does not load: %v\n%s", err, p.shown)
			}
			again.resources.Logger = got.Logger
			if diff := cmp.Diff(got, again.resources); diff != "" {
				t.Errorf("what /config shows means something else:\n%s", diff)
			}
		})
	}
}

// Paths that cannot be read now are named with their line, at start, reload and --config.check.
func TestDiskWarnings(t *testing.T) {
	file := write(t, "chorus.yml", "disks:\n  - path: /nosuch\n  - path: /\n  - path: /proc\n")
	want := []string{
		`:2: disks[0].path: cannot read "/nosuch": no such file or directory`,
		`:4: disks[2].path: cannot read "/proc": its file system stores no data`,
	}
	p, err := prepare(file, nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	got := p.config.warnings()
	if len(got) != len(want) {
		t.Fatalf("warnings are %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], file+want[i]) {
			t.Errorf("the warning is %q, want %s", got[i], want[i])
		}
	}
	next, err := prepare(file, p, log.NewNopLogger())
	if err != nil || len(next.config.warnings()) != len(want) || next.config.paths != p.config.paths {
		t.Errorf("a reload judges differently: %v", err)
	}
	if out, code := once(t, "--config.check", "--config.file="+file); code != exitOK || !strings.Contains(out, want[0]) {
		t.Errorf("--config.check = %d %s, want 0 and a warning", code, out)
	}
	off, err := prepare(write(t, "off.yml", "resources: {disk: off}\ndisks: [{path: /nosuch}]\n"), nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	if got := off.config.warnings(); len(got) != 1 || !strings.Contains(got[0], ":2: disks: not watched because resources.disk is off") {
		t.Errorf("warnings are %q", got)
	}
}
