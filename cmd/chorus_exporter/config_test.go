package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// Every kind of mistake has a small file, and the exact text that answers it beside it.
func TestConfigFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.bad.yml")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files with mistakes (%v), want at least 20", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".bad.yml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			p, err := prepare(file, nil, log.NewNopLogger())
			if err == nil {
				t.Fatalf("loaded without a fault: %s", p.summary())
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the error tells the password: %v", err)
			}
			golden(t, name+".golden", err.Error()+"\n")
		})
	}
}

func TestConfigSize(t *testing.T) {
	file := write(t, "big.yml", strings.Repeat("# a comment\n", maxConfigSize/12+1))
	_, err := prepare(file, nil, log.NewNopLogger())
	if err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("prepare = %v, want that the file is too large", err)
	}
}

// A file is laid over the defaults key by key and check by check; lists are replaced.
func TestConfigOverDefaults(t *testing.T) {
	c := load(t, `
node_id: here
thresholds: {healthy: 0.9}
checks:
  resource-health: {interval: 2m}
  disk-space: {enabled: true}
disable: [memory-usage]
disks: [{path: /var}]
`)
	base := load(t, "node_id: here")
	want := base.Config
	want.Thresholds.Healthy = 0.9
	want.Disable = []string{"memory-usage"}
	want.Disks = []Disk{{Path: "/var"}}
	want.Checks = maps.Clone(base.Checks)
	yes, interval := true, base.EvaluationInterval
	if err := interval.Set("2m"); err != nil {
		t.Fatal(err)
	}
	want.Checks["resource-health"] = base.Checks["resource-health"].over(Check{Interval: &interval})
	want.Checks["disk-space"] = base.Checks["disk-space"].over(Check{Enabled: &yes})
	if diff := cmp.Diff(want, c.Config); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
	if c.effective("memory-usage").enabled() || !c.effective("disk-space").enabled() {
		t.Error("disable and enabled have no effect")
	}
	if shipped := base.Checks["disk-space"]; shipped.enabled() {
		t.Error("the configuration wrote into the defaults")
	}
}

// What holds for a check comes from its own entry, the defaults of its kind and the number of failed probes, in this
// order.
func TestEffectiveCheck(t *testing.T) {
	c := load(t, `
thresholds: {max_failed_probes: 7}
databases:
  - {name: a, driver: sqlite, dsn: /tmp/a.db}
  - {name: b, driver: sqlite, dsn: /tmp/b.db}
checks:
  b: {critical: false, failure_threshold: 2, interval: 1m}
`)
	for _, tt := range []struct {
		check, interval, timeout string
		critical                 bool
		threshold                int
	}{
		{"a", "30s", "10s", true, 1},
		{"b", "1m0s", "10s", false, 2},
	} {
		got := c.effective(tt.check)
		if got.interval().String() != tt.interval || got.timeout().String() != tt.timeout ||
			*got.Critical != tt.critical || *got.FailureThreshold != tt.threshold || !got.enabled() {
			out, _ := yaml.Marshal(got)
			t.Errorf("check %s has\n%s\nwant %+v", tt.check, out, tt)
		}
	}
}

// What /config shows is a configuration that means the same.
func TestShowIsConfig(t *testing.T) {
	t.Setenv("CHORUS_TEST_PASSWORD", "s3cr3t")
	own, err := filepath.Abs("testdata/config/rules/own.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	first, err := prepare(write(t, "chorus.yml", `
node_id: here
disable: [resource-health]
components: {exporter: {weight: 2, key: true}}
rule_files: ["`+own+`"]
databases:
  - {name: orders, driver: postgres, dsn: "postgres://me@db/orders", password_env: CHORUS_TEST_PASSWORD}
shutdown:
  mode: hooks
  hooks:
    - {name: a, post: {url: "http://localhost/stop", retries: 0}, priority: 3}
    - {name: b, command: [/bin/true], when: always}
    - {name: c, signal: {pid_file: c.pid, executable: /bin/sleep}}
checks:
  orders: {timeout: 3s}
`), nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	second, err := prepare(write(t, "shown.yml", string(first.shown)), nil, log.NewNopLogger())
	if err != nil {
		t.Fatalf("the shown configuration does not load: %v\n%s", err, first.shown)
	}
	if diff := cmp.Diff(string(first.shown), string(second.shown)); diff != "" {
		t.Errorf("the shown configuration means something else (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(first.policy, second.policy); diff != "" {
		t.Errorf("policies differ (-first +second):\n%s", diff)
	}
}

// load is the configuration with that content, which must be faultless.
func load(t *testing.T, content string) *loaded {
	t.Helper()
	c, err := loadConfig(write(t, "chorus.yml", content))
	if err == nil {
		_, err = c.loadRules()
	}
	if err == nil {
		err = c.err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// write makes a file for the test.
func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
