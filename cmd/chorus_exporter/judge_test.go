package main

import (
	"fmt"
	"io"
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
		{"config is missing", "", func(t *testing.T, dir string) { noError(t, os.Remove(dir+"/chorus.yml")) }, "read the configuration: open chorus.yml: no such file or directory"},
		{"config is a directory", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, os.Mkdir(dir+"/chorus.yml", 0o755))
		}, "read the configuration: read chorus.yml: not a regular file"},
		{"config is a pipe", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, syscall.Mkfifo(dir+"/chorus.yml", 0o644))
		}, "read the configuration: read chorus.yml: a pipe that nothing was written to"},
		{"config is a device", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, os.Symlink("/dev/zero", dir+"/chorus.yml"))
		}, "read the configuration: read chorus.yml: not a regular file"},
		{"config is a loop of links", "", func(t *testing.T, dir string) {
			noError(t, os.Remove(dir+"/chorus.yml"))
			noError(t, os.Symlink("chorus.yml", dir+"/chorus.yml"))
		}, "read the configuration: open chorus.yml: too many levels of symbolic links"},
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

// The metric that was probably meant is named; what exists is not warned of.
func TestUnknownMetrics(t *testing.T) {
	for _, tt := range []struct{ expr, want string }{
		{"go_goroutines > 10", ""},
		{"chorus_health_check_duration_seconds_bucket > 10", ""},
		{"process_open_fds > 10", ""},
		{"promhttp_metric_handler_requests_total > 10", ""},
		{`{__name__=~"nothing.*"} > 10`, ""},
		{"chorus_resource_cpu_utilisation_ratio > 0.9", `did you mean "chorus_resource_cpu_utilization_ratio"?`},
		{"chorus_resource_cpu_utilization > 0.9", `did you mean "chorus_resource_cpu_utilization_ratio"?`},
		{"chorus_health_checks_failed > 0.9", `did you mean "chorus_health_checks_failed_total"?`},
		{"app_health_check_interval_seconds > 9", "its check is never proven"},
		{"go_gorutines > 10", `did you mean "go_goroutines"?`},
		{"node_load1 > 10", `unknown metric "node_load1": nothing here exposes it; its check is never proven`},
		{"sum(node_load1) > on () group_left () count(node_load5)", `unknown metric "node_load5"`},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			dir := files(t, map[string]string{"chorus.yml": "rule_files: [own.rules.yml]\n", "own.rules.yml": strings.ReplaceAll(unmeasured, "app_queue_lag_seconds > 10", fmt.Sprintf("'%s'", tt.expr))})
			p, err := prepare(filepath.Join(dir, "chorus.yml"), nil, log.NewNopLogger())
			noError(t, err)
			var got []string
			for _, w := range p.warnings {
				got = append(got, w.text)
			}
			if all := strings.Join(got, "\n"); tt.want == "" && all != "" || !strings.Contains(all, tt.want) {
				t.Errorf("warnings are %q, want %q", got, tt.want)
			}
		})
	}
}

// What may be meant is a note, which --config.strict lets pass.
func TestNotes(t *testing.T) {
	reading := func(expr string) string { return strings.ReplaceAll(ownRules, "go_goroutines > LIMIT", expr) }
	for _, tt := range []struct{ name, config, rules, warning, note string }{
		{"empty file", "", "", "own.rules.yml: contains no rules", ""},
		{"comments alone", "", "# nothing yet\n", "own.rules.yml: contains no rules", ""},
		{"no groups", "", "groups: []\n", "own.rules.yml: contains no rules", ""},
		{"of a cluster", "", reading("chorus_dht_probe_peers > 3"), "", `own.rules.yml:4: metric "chorus_dht_probe_peers" is not exposed here: configure p2p.targets`},
		{"measured", "", reading("chorus_resource_cpu_utilization_ratio > 3"), "", ""},
		{"not measured", "checks: {resource-health: {enabled: false}}\n", reading("chorus_resource_cpu_utilization_ratio > 3"), "", "enable resource-health"},
		{"disabled", "disable: [goroutines]\n", strings.ReplaceAll(ownRules, "LIMIT", "3"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"chorus.yml": tt.config + "rule_files: [own.rules.yml]\n", "own.rules.yml": tt.rules})
			p, err := prepare(filepath.Join(dir, "chorus.yml"), nil, log.NewNopLogger())
			noError(t, err)
			text := func(all []finding) (out string) {
				for _, f := range all {
					out += f.text + "\n"
				}
				return out
			}
			for _, x := range []struct{ got, want string }{{text(p.warnings), tt.warning}, {text(p.notes), tt.note}} {
				if x.want == "" && x.got != "" || !strings.Contains(x.got, x.want) {
					t.Errorf("got %q, want %q", x.got, x.want)
				}
			}
		})
	}
}

// Keys that decide what an alert points to, and how much is kept.
func TestBoundsOfKeys(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{"runbook_base_url: https://wiki.example.net/chorus/", ""},
		{"runbook_base_url: http://[::1]:8081/runbooks", ""},
		{"runbook_base_url: ''", ""},
		{"runbook_base_url: ftp://wiki.example.net", "not an http or https URL"},
		{"runbook_base_url: wiki.example.net/chorus", "not an http or https URL"},
		{"runbook_base_url: /runbooks", "not an http or https URL"},
		{"runbook_base_url: 'https://'", "not an http or https URL"},
		{"runbook_base_url: 'https://:8081'", "not an http or https URL"},
		{"runbook_base_url: 'https://me:s3cr3t@wiki.example.net'", "contains a user name or password"},
		{"runbook_base_url: 'https://wiki.example.net/?token=s3cr3t'", "contains a query or fragment"},
		{"runbook_base_url: 'https://wiki.example.net/?'", "contains a query or fragment"},
		{"runbook_base_url: 'https://wiki.example.net/#'", "contains a query or fragment"},
		{"runbook_base_url: 'https://wiki.example.net/a b'", "invalid URL"},
		{"runbook_base_url: 'https://me:s3cr3t@%zz'", "invalid URL"},
		{"runbook_base_url: \"javascript:alert('s3cr3t')\"", "not an http or https URL"},
		{"max_series: 1000", ""},
		{"max_series: 200000", ""},
		{"max_series: 999", "999 is out of range"},
		{"max_series: 200001", "take over 1 GB"},
		{"max_series: -1", "-1 is out of range"},
		{"max_series: many", "invalid whole number"},
	} {
		t.Run(tt.config, func(t *testing.T) {
			dir := files(t, map[string]string{"chorus.yml": tt.config + "\n"})
			got := strings.Join(faultsOf(t, dir), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || strings.Contains(got, "s3cr3t") {
				t.Errorf("got %q, want %q and no secret", got, tt.want)
			}
		})
	}
	c := load(t, "runbook_base_url: https://wiki.example.net/chorus//\n")
	if got := c.RunbookBaseURL; got != "https://wiki.example.net/chorus" {
		t.Errorf("the base is %q, want it without slashes at the end", got)
	}
}

// What needs more series than max_series is refused with the arithmetic, before anything live is touched.
func TestTooManySeries(t *testing.T) {
	var many strings.Builder
	many.WriteString("groups:\n  - name: many\n    rules:\n")
	for i := range 200 {
		fmt.Fprintf(&many, "      - {alert: A%d, expr: go_goroutines > %d, labels: {check_name: c%d, severity: critical}, "+
			"annotations: {summary: s}}\n", i, 100_000+i, i)
	}
	const settings = "evaluation_interval: 200ms\nmax_series: 1500\nrule_files: ['*.rules.yml']\n"
	dir := files(t, map[string]string{"chorus.yml": settings, "own.rules.yml": strings.ReplaceAll(ownRules, "LIMIT", "10000")})
	config := filepath.Join(dir, "chorus.yml")
	c := start(t, "--config.file="+config, "--web.enable-lifecycle")
	noError(t, os.WriteFile(filepath.Join(dir, "many.rules.yml"), []byte(many.String()), 0o644))

	want := []string{"chorus.yml:2: max_series is 1500 but 202 checks", " need at least ", "202 checks x 2 + "}
	said := func(where, text string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s says %q, want %q in it", where, text, w)
			}
		}
	}
	out, code := once(t, "--config.check", "--config.file="+config)
	if code != exitError {
		t.Errorf("--config.check = %d, want %d", code, exitError)
	}
	said("--config.check", out)
	out, code = once(t, "--config.file="+config)
	if code != exitError {
		t.Errorf("the start = %d, want %d", code, exitError)
	}
	said("the start", out)
	resp, err := http.Post(c.url+"/-/reload", "", nil)
	noError(t, err)
	body, err := io.ReadAll(resp.Body)
	noError(t, err)
	resp.Body.Close()
	if resp.StatusCode != 500 {
		t.Errorf("POST /-/reload = %d, want 500", resp.StatusCode)
	}
	said("the reload", string(body))
	if _, h := c.get("/health/checks"); !strings.Contains(h, `"goroutines"`) {
		t.Errorf("the old check is gone: %s", h)
	}
}

// Runbooks are served, and where alerts point to can be changed.
func TestRunbooksAreServed(t *testing.T) {
	c := start(t)
	for path, want := range map[string]string{
		"/runbooks/": "CheckNoData", "/runbooks/CheckNoData": `<h1 id="checknodata">CheckNoData</h1>`,
		"/runbooks/ChorusExporterDown": "ChorusExporterDown",
	} {
		if code, body := c.get(path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s = %d, want 200 and %q", path, code, want)
		}
	}
	if code, body := c.get("/runbooks/Nonsense"); code != 404 || !strings.Contains(body, `href="../runbooks/CheckNoData"`) {
		t.Errorf("a runbook that does not exist = %d, want 404 and the list", code)
	}
	// Every address that a shipped alert has is one of these pages.
	for _, g := range shippedRules(t).Groups() {
		for _, r := range g.Rules {
			if path := r.Annotations["runbook_url"]; r.Alert != "" {
				if code, _ := c.get(path); code != 200 {
					t.Errorf("%s points to %s, which is %d", r.Alert, path, code)
				}
			}
		}
	}
}
