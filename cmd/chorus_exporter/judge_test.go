package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
)

// files writes files into a new directory and returns it.
func files(t *testing.T, contents map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// faultsOf returns the lines that prepare answers a configuration with, without the directory.
func faultsOf(t *testing.T, dir string) []string {
	t.Helper()
	_, err := prepare(filepath.Join(dir, "chorus.yml"), nil, log.NewNopLogger())
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), dir+"/", ""), "\n")
}

const brokenRules = `groups:
  - name: a
    rules:
      - alert: Queue
        expr: sum(up
        labels: {check_name: queue, severity: critical}
        annotations: {summary: long}
      - alert: Lag
        expr: up > 1
        for: soon
        labels: {check_name: lag, severity: critical}
        annotations: {summary: late}
`

// One report has every fault of all files, and none that only follows from another.
func TestEveryFaultAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // beginnings of the lines
	}{
		{
			"of each kind",
			map[string]string{"own.rules.yml": brokenRules, "chorus.yml": `evaluation_intervall: 5s
startup_timeout: soon
rule_files: [own.rules.yml, missing.rules.yml]
databases:
  - {name: orders, driver: postgres, dsn: ""}
  - {name: stock, driver: oracle, dsn: x}
checks:
  resource-helth: {interval: 1m}
  queue: {interval: 1m}
disable: [disk-spaec]
max_series: 5
`},
			[]string{
				"chorus.yml:1: unknown key \"evaluation_intervall\"; did you mean \"evaluation_interval\"?",
				"chorus.yml:2: startup_timeout: invalid duration \"soon\"",
				"chorus.yml:3: rule_files[1]: \"missing.rules.yml\" matches no file",
				"chorus.yml:5: databases[0].dsn: ",
				"chorus.yml:6: databases[1].driver: ",
				"chorus.yml:8: checks.resource-helth: unknown check; did you mean \"resource-health\"?",
				"chorus.yml:10: disable[0]: \"disk-spaec\": unknown check; did you mean \"disk-space\"?",
				"chorus.yml:11: max_series: 5 is out of range",
				"own.rules.yml:5:",
				"own.rules.yml:10:",
			},
		},
		{
			"names that a broken rule file may declare are not faults, others are",
			map[string]string{"own.rules.yml": brokenRules, "chorus.yml": `rule_files: [own.rules.yml]
checks:
  queue: {interval: 1m}
  que: {interval: 1m}
`},
			[]string{"chorus.yml:4: checks.que: unknown check", "own.rules.yml:5:", "own.rules.yml:10:"},
		},
		{
			"of a missing rule file any name may be",
			map[string]string{"chorus.yml": "rule_files: [missing.yml]\ndisable: [queue, resource-helth]\n"},
			[]string{"chorus.yml:1: rule_files[0]: ", "chorus.yml:2: disable[1]: "},
		},
		{
			"what a nameless database may be called is not told",
			map[string]string{"chorus.yml": "databases:\n  - {driver: sqlite, dsn: a.db, colour: orders}\n" +
				"  - {driver: sqlite, dsn: b.db, name: b}\nchecks: {orders: {interval: 1m}}\n"},
			[]string{"chorus.yml:2: databases[0]: unknown key \"colour\"", "chorus.yml:2: databases[0].name: "},
		},
		{
			"beside broken YAML",
			map[string]string{"own.rules.yml": brokenRules, "chorus.yml": `node_id: "abc
thresholds: {healty: 0.9}
rule_files: [own.rules.yml]
startup_timeout: soon
history: {max_entries: 0
databases:
  - {driver: postgres, dsn: ""}
`},
			[]string{
				"chorus.yml:2: invalid YAML: found unexpected end of stream",
				"chorus.yml:2: thresholds: unknown key \"healty\"",
				"chorus.yml:4: startup_timeout: invalid duration",
				"chorus.yml:5: invalid YAML: did not find expected ',' or '}'",
				"chorus.yml:7: databases[0].dsn: ",
				"own.rules.yml:5:",
				"own.rules.yml:10:",
			},
		},
		{
			"what may follow from what is lost is not told",
			map[string]string{"chorus.yml": "databases: [{name: orders\nchecks:\n  orders: {interval: 1m}\nelection: {}\n"},
			[]string{"chorus.yml:1: invalid YAML: "},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := faultsOf(t, files(t, tt.files))
			if len(got) != len(tt.want) {
				t.Fatalf("got %d faults, want %d:\n%s", len(got), len(tt.want), strings.Join(got, "\n"))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("fault %d is %q, want %q…", i, got[i], want)
				}
			}
		})
	}
}

// What is no readable file, or no text, gets one clear fault.
func TestOddFiles(t *testing.T) {
	const good = "groups: [{name: a, rules: [{record: 'a:b', expr: go_goroutines}]}]\n"
	for _, tt := range []struct {
		name, config string
		make         func(t *testing.T, dir string)
		want         string // the only fault; "" for none
	}{
		{"config is missing", "", func(t *testing.T, dir string) { noError(t, os.Remove(dir+"/chorus.yml")) }, "--config.file=chorus.yml: no such file or directory; name a YAML file"},
		{"config is a directory", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, os.Mkdir(dir+"/chorus.yml", 0o755))
		}, "--config.file=chorus.yml: not a regular file; name a YAML file"},
		{"config is a pipe", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, syscall.Mkfifo(dir+"/chorus.yml", 0o644))
		}, "--config.file=chorus.yml: a pipe that nothing was written to; name a YAML file"},
		{"config is a device", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, os.Symlink("/dev/zero", dir+"/chorus.yml"))
		}, "--config.file=chorus.yml: not a regular file; name a YAML file"},
		{"config is a loop of links", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, os.Symlink("chorus.yml", dir+"/chorus.yml"))
		}, "--config.file=chorus.yml: too many levels of symbolic links; name a YAML file"},
		{"config is empty", "", nil, ""},
		{"config has a byte order mark", "\ufeffnode_id: a\n", nil, ""},
		{"config has CRLF", "node_id: a\r\nhistory:\r\n  max_entries: 7\r\n", nil, ""},
		{"no name of a rule file", "rule_files: ['']\n", nil, "chorus.yml:1: rule_files[0]: empty"},
		{"a file whose name is a pattern", "rule_files: ['a[1].yml']\n", func(t *testing.T, dir string) {
			noError(t, os.WriteFile(dir+"/a[1].yml", nil, 0o644))
		}, "chorus.yml:1: rule_files[0]: \"a[1].yml\" matches no file, though one has this name"},
		{"no rule files", "rule_files: []\n", nil, ""},
		{"rules are a directory", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, os.Mkdir(dir+"/own.rules.yml", 0o755))
		}, "own.rules.yml: read rules: not a regular file"},
		{"rules are a pipe", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, syscall.Mkfifo(dir+"/own.rules.yml", 0o644))
		}, "own.rules.yml: read rules: not a regular file"},
		{"rules are a loop of links", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, os.Symlink("own.rules.yml", dir+"/own.rules.yml"))
		}, "own.rules.yml: read rules: too many levels of symbolic links"},
		{"rules are a dangling link", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, os.Symlink("nowhere", dir+"/own.rules.yml"))
		}, "own.rules.yml: read rules: no such file or directory"},
		{"rules are large", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, os.WriteFile(dir+"/own.rules.yml", []byte(strings.Repeat("# a comment\n", 200_000)), 0o644))
		}, "own.rules.yml: read rules: larger than 1048576 bytes"},
		{"rules have a byte order mark and CRLF", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, os.WriteFile(dir+"/own.rules.yml", []byte("\ufeff"+strings.ReplaceAll(good, "\n", "\r\n")), 0o644))
		}, ""},
		{"rules are empty", "rule_files: [own.rules.yml]\n", func(t *testing.T, dir string) {
			noError(t, os.WriteFile(dir+"/own.rules.yml", nil, 0o644))
		}, ""},
		{"rules cannot be listed", "rule_files: ['x/*.yml']\n", func(t *testing.T, dir string) {
			noError(t, os.WriteFile(dir+"/x", nil, 0o644))
		}, "chorus.yml:1: rule_files[0]: \"x/*.yml\" cannot be read: not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"chorus.yml": tt.config})
			if tt.make != nil {
				tt.make(t, dir)
			}
			got := faultsOf(t, dir)
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %q, want no fault", got)
			case tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)):
				t.Errorf("got %q, want %q…", got, tt.want)
			}
		})
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const unmeasured = `groups:
  - name: a
    rules:
      - alert: QueueLag
        expr: app_queue_lag_seconds > 10
        labels: {check_name: queue, component: app, severity: critical}
        annotations: {summary: late}
`

// Start, reload and --config.check have one opinion: a metric that nothing exposes is a warning, and an error with
// --config.strict.
func TestJudgeAlike(t *testing.T) {
	const warning = `own.rules.yml:4: unknown metric "app_queue_lag_seconds": nothing here exposes it`
	dir := files(t, map[string]string{
		"chorus.yml": "evaluation_interval: 200ms\nrule_files: ['*.rules.yml']\n", "own.rules.yml": unmeasured,
	})
	file := "--config.file=" + filepath.Join(dir, "chorus.yml")
	if out, code := once(t, "--config.check", file); code != exitOK || !strings.HasPrefix(out, "warning: ") || !strings.Contains(out, warning) {
		t.Errorf("--config.check = %d %s, want 0 and the warning", code, out)
	}
	if out, code := once(t, "--config.check", "--config.strict", file); code != exitError || strings.Count(out, warning) != 1 {
		t.Errorf("--config.check --config.strict = %d %s, want 1 and the warning once", code, out)
	}
	if out, code := once(t, "--config.strict", file); code != exitError || strings.Count(out, "app_queue_lag_seconds") != 1 {
		t.Errorf("start with --config.strict = %d %s, want 1 and the warning once", code, out)
	}
	c := start(t, file)
	c.eventually("the start warns", func() bool { return strings.Contains(c.log.String(), "app_queue_lag_seconds") })

	rules := filepath.Join(dir, "own.rules.yml")
	noError(t, os.Rename(rules, rules+".off"))
	noError(t, os.WriteFile(rules, []byte(strings.ReplaceAll(ownRules, "LIMIT", "10000")), 0o644))
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("reload, strict %v", strict), func(t *testing.T) {
			noError(t, os.WriteFile(rules, []byte(strings.ReplaceAll(ownRules, "LIMIT", "10000")), 0o644))
			args := []string{file, "--web.enable-lifecycle"}
			if strict {
				args = append(args, "--config.strict")
			}
			c := start(t, args...)
			_, before := c.get("/config")
			noError(t, os.WriteFile(rules, []byte(unmeasured), 0o644))
			resp, err := http.Post(c.url+"/-/reload", "", nil)
			noError(t, err)
			resp.Body.Close()
			if want := map[bool]int{false: 200, true: 500}[strict]; resp.StatusCode != want {
				t.Errorf("POST /-/reload = %d, want %d", resp.StatusCode, want)
			}
			c.eventually("the log names the metric", func() bool { return strings.Contains(c.log.String(), "app_queue_lag_seconds") })
			check := map[bool]string{false: `"queue"`, true: `"goroutines"`}[strict]
			c.eventually("the check in force is there", func() bool {
				_, checks := c.get("/health/checks")
				return strings.Contains(checks, check)
			})
			_, after := c.get("/config")
			if diff := cmp.Diff(before, after); strict && diff != "" {
				t.Errorf("/config has changed:\n%s", diff)
			}
		})
	}
}
