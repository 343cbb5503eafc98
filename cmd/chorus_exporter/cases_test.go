package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests of this file run the whole binary with an input that once was answered with health by mistake.

// ownFile writes a configuration with a rule file of its own, and returns both.
func ownFile(t *testing.T, rules string) (config, own string) {
	t.Helper()
	own = write(t, "own.rules.yml", rules)
	return write(t, "chorus.yml", "evaluation_interval: 1s\nrule_files: ["+own+"]\n"), own
}

func ownGroup(rules ...string) string {
	return "groups:\n  - name: own\n    rules:\n" + strings.Join(rules, "")
}

// alertOf is an alert of the check own.
func alertOf(name, expr, more string) string {
	return fmt.Sprintf("      - alert: %s\n        expr: '%s'\n        %s\n"+
		"        labels: {check_name: own, component: own, severity: critical}\n        annotations: {summary: '%s'}\n", name, expr, more, name)
}

// Rules that would be loaded and then speak for nobody are refused, with the place and the fix.
func TestCaseRefusedRules(t *testing.T) {
	for name, tc := range map[string]struct{ rules, want string }{
		"the check's name is a template": {
			ownGroup(strings.Replace(alertOf("Lag", "app_lag > 10", "for: 1m"), "check_name: own", "check_name: 'lag-{{ $labels.queue }}'", 1)),
			"check_name",
		},
		"the component is a template": {
			ownGroup(strings.Replace(alertOf("Lag", "app_lag > 10", "for: 1m"), "component: own", "component: '{{ $labels.c }}'", 1)),
			"component",
		},
		"depends_on is a template": {
			ownGroup(strings.Replace(alertOf("Lag", "app_lag > 10", "for: 1m"), "component: own", "depends_on: '{{ $labels.c }}'", 1)),
			"depends_on",
		},
		"absent makes a job": {ownGroup(alertOf("Missing", `absent(app_up{job="app"})`, "for: 5s")), "job"},
		"absent_over_time makes an instance": {
			ownGroup(alertOf("Missing", `absent_over_time(app_up{instance="a"}[1m])`, "for: 5s")), "instance",
		},
		"a recorded step brings an instance": {
			ownGroup("      - record: site:cpu\n        expr: 'label_replace(chorus_resource_cpu_utilization_ratio, \"instance\", \"h1\", \"\", \"\")'\n",
				alertOf("CpuAlways", "site:cpu >= 0", "for: 0s")), "instance",
		},
		"labels that never match": {
			ownGroup(alertOf("Disk", "chorus_resource_disk_utilization_ratio > chorus_resource_threshold_ratio", "for: 0s")), "never fires",
		},
		"a ratio over 90": {ownGroup(alertOf("Memory", "chorus_resource_memory_utilization_ratio > 90", "for: 0s")), "never fires"},
		"a label with the value": {
			ownGroup(strings.Replace(alertOf("Memory", "chorus_resource_memory_utilization_ratio > 0.01", "for: 1m"),
				"component: own", "component: own, used: '{{ $value }}'", 1)), "label used",
		},
		"nothing compares with NaN": {ownGroup(alertOf("Nan", "app_lag > NaN", "for: 0s")), "never fires"},
		"an expression that masks": {
			ownGroup(alertOf("Mask", `label_replace(app_lag > 1, "depends_on", "own", "", "")`, "for: 0s")), "depends_on",
		},
		"a broken template": {
			ownGroup(strings.Replace(alertOf("Text", "chorus_resource_memory_utilization_ratio > 0.01", "for: 0s"),
				"summary: 'Text'", `summary: '{{ with query "sum(" }}{{ end }}'`, 1)), "summary",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, own := ownFile(t, tc.rules)
			for _, args := range [][]string{{"--config.check"}, {"--web.listen-address=127.0.0.1:0"}} {
				ctx, cancel := context.WithTimeout(t.Context(), patience) // one that is not refused runs for ever
				defer cancel()
				out, err := exec.CommandContext(ctx, binary, append(args, "--config.file="+config)...).CombinedOutput()
				if err == nil || !strings.Contains(string(out), filepath.Base(own)+":") || !strings.Contains(string(out), tc.want) {
					t.Errorf("%v = %v, %s\nwant a refusal that names the file, a line and %q", args, err, out, tc.want)
				}
			}
		})
	}
}

// Connection strings that a driver would take for something else are refused, and what it took for a host is not told.
func TestCaseRefusedDSNs(t *testing.T) {
	for name, tc := range map[string]struct{ dsn, want string }{
		"JDBC":                    {"jdbc:postgresql://db.example:5432/orders?user=h&password=CorrectHorse", `begins with "jdbc:"`},
		"an @ in the password":    {"postgres://health:p@CorrectHorseBattery@127.0.0.1:5432/orders", "percent-encode"},
		"a slash in the password": {"postgres://health:CorrectHorse/Battery@127.0.0.1:5432/orders", "percent-encode"},
		"no host":                 {"postgres:///CorrectHorse", "host"},
		"a variable":              {"postgres://health:${CorrectHorse}@127.0.0.1/orders", "variable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := write(t, "chorus.yml", fmt.Sprintf("databases:\n  - {name: orders, driver: postgres, dsn: %q}\n", tc.dsn))
			for _, args := range [][]string{{"--config.check"}, {"--web.listen-address=127.0.0.1:0"}} {
				ctx, cancel := context.WithTimeout(t.Context(), patience) // one that is not refused runs for ever
				defer cancel()
				data, err := exec.CommandContext(ctx, binary, append(args, "--config.file="+config)...).CombinedOutput()
				out := strings.ReplaceAll(string(data), `\"`, `"`) // as the log writes it
				if err == nil || !strings.Contains(out, "chorus.yml:2: databases[0].dsn: ") ||
					!strings.Contains(out, tc.want) || strings.Contains(out, "Correct") {
					t.Errorf("%v = %v, %s\nwant a refusal that names the file, the line and %q, and no part of the password",
						args, err, out, tc.want)
				}
			}
		})
	}
}

// The first rule of a group ends a series that the second reads: the second sees that at once.
func TestCaseHeir(t *testing.T) {
	t.Parallel()
	config, _ := ownFile(t, ownGroup(
		"      - {record: own:x, expr: 'chorus_health_check_healthy{check_name=\"db\"} == 1', labels: {k: part}}\n",
		"      - {record: own:x, expr: 'sum(own:x{k=\"part\"}) or vector(0)', labels: {k: total}}\n",
		"      - {record: chorus_own_difference, expr: 'own:x{k=\"total\"} - on () (sum(own:x{k=\"part\"}) or vector(0))'}\n",
	))
	file := sqliteFile(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	config = write(t, "chorus.yml", string(text)+"databases: [{name: db, driver: sqlite, dsn: '"+file+"'}]\nchecks: {db: {interval: 1s, timeout: 1s}}\n")
	c := start(t, "--config.file="+config)
	c.eventually("the database answers", func() bool { return c.metric(`chorus_health_check_healthy{check_name="db"}`) == "1" })
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	c.eventually("it does not", func() bool {
		if v := c.metric("chorus_own_difference"); v != "" && v != "0" {
			t.Fatalf("the total differs from its part by %s", v)
		}
		return c.metric(`chorus_health_check_healthy{check_name="db"}`) == "0"
	})
}

// A reload that adds a critical alert over a metric that nothing exposes: never healthy from then on, and said alike by the
// reload and the check of the configuration.
func TestCaseNoDataAtReload(t *testing.T) {
	t.Parallel()
	base := "evaluation_interval: 1s\ndisable: [resource-health]\ndatabases: [{name: db, driver: sqlite, dsn: '" + sqliteFile(t) + "'}]\n"
	config := write(t, "chorus.yml", base)
	c := start(t, "--config.file="+config)
	c.eventually("it is healthy", func() bool { _, h := c.health("/health"); return h.Status == "healthy" })
	own := write(t, "own.rules.yml", ownGroup(alertOf("Lag", "app_lag_seconds > 10", "for: 1s")))
	if err := os.WriteFile(config, []byte(base+"rule_files: ["+own+"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGHUP)
	c.eventually("the check is there", func() bool {
		_, h := c.health("/health")
		check, there := h.Checks["own"]
		if there && (check.Healthy || check.State != "unknown" || h.Status == "healthy") {
			t.Fatalf("%s with the check %+v, want it unknown and never healthy", h.Status, check)
		}
		return there && h.Status == "degraded"
	})
	time.Sleep(20 * time.Second) // of the 30 that CheckUnprovenCritical waits
	c.eventually("the node is unhealthy", func() bool {
		_, h := c.health("/health")
		if h.Status == "healthy" || h.Checks["own"].Healthy {
			t.Fatalf("%s %s, want it never healthy", h.Status, h.Message)
		}
		return h.Status == "unhealthy"
	})
	if log := c.log.String(); !strings.Contains(log, "app_lag_seconds") {
		t.Error("the reload does not name the metric that nothing exposes")
	}
	out, err := exec.Command(binary, "--config.check", "--config.file="+config).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "app_lag_seconds") {
		t.Errorf("--config.check = %v, %s, want a warning that names the metric", err, out)
	}
	if out, err := exec.Command(binary, "--config.check", "--config.strict", "--config.file="+config).CombinedOutput(); err == nil {
		t.Errorf("--config.check --config.strict accepts the warning:\n%s", out)
	}
}

// A range over memory right after a start is a number: nothing is exposed before there is one.
func TestCaseRangeAfterStart(t *testing.T) {
	t.Parallel()
	config, _ := ownFile(t, ownGroup(strings.Replace(
		alertOf("W1", "avg_over_time(chorus_resource_memory_utilization_ratio[1m]) > 2", "for: 0s"), "critical", "warning", 1)))
	c := start(t, "--config.file="+config)
	c.eventually("the check is judged", func() bool {
		_, h := c.health("/health")
		if h.Checks["own"].State == "firing" {
			t.Fatalf("the check fires: %+v", h.Checks["own"])
		}
		return h.Checks["own"].State == "ok"
	})
	for _, name := range []string{"cpu", "memory"} {
		if v := c.metric("chorus_resource_" + name + "_utilization_ratio"); v == "NaN" {
			t.Errorf("%s is NaN", name)
		}
	}
}

// A reload that changes for, or the limit, of an alert that fires leaves it firing.
func TestCaseReloadKeepsFiring(t *testing.T) {
	t.Parallel()
	alert := func(limit, hold string) string {
		return ownGroup(alertOf("Busy", "chorus_resource_disk_utilization_ratio > "+limit, "for: "+hold))
	}
	config, own := ownFile(t, alert("-1", "3s"))
	c := start(t, "--config.file="+config, "--web.enable-lifecycle")
	c.eventually("it fires", func() bool { code, _ := c.health("/health"); return code == 503 && c.firing("Busy") })
	for _, next := range []string{alert("-1", "2s"), alert("-0.5", "2s"), alert("-0.5", "1s")} {
		if err := os.WriteFile(own, []byte(next), 0o600); err != nil {
			t.Fatal(err)
		}
		reloads := strings.Count(c.log.String(), "reload")
		c.signal(syscall.SIGHUP)
		c.eventually("it has been reloaded", func() bool { return strings.Count(c.log.String(), "reload") > reloads })
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if code, h := c.health("/health"); code != 503 || h.Status != "unhealthy" {
				t.Fatalf("after a reload: %d %s %s, want it to stay unhealthy", code, h.Status, h.Message)
			}
		}
	}
}

// firing reports whether the alert fires and counts.
func (c *child) firing(alert string) bool {
	c.t.Helper()
	_, body := c.get("/metrics")
	return strings.Contains(body, `chorus_health_alert{alertname="`+alert+`"`)
}

// A SQLite database that does not exist fails, whatever its DSN says, and is never created.
func TestCaseSQLiteIsNeverCreated(t *testing.T) {
	for _, parameters := range []string{
		"", "?_journal_mode=WAL", "?cache_mode=1", "?MODE=x", "?_pragma=journal_mode(WAL)", "?x=mode=rwc", "#mode=rwc", "?mode=rw&mode=rw",
	} {
		t.Run(parameters, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "mode=rwc")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			config := write(t, "chorus.yml", fmt.Sprintf("evaluation_interval: 1s\ndisable: [resource-health]\n"+
				"databases: [{name: app, driver: sqlite, dsn: %q}]\n", "file:"+dir+"/gone.db"+parameters))
			if exec.Command(binary, "--config.check", "--config.file="+config).Run() == nil { // else it is refused at load
				c := start(t, "--config.file="+config)
				c.eventually("the check fails", func() bool {
					code, h := c.health("/health")
					if code == 200 {
						t.Fatalf("200 %s", h.Message)
					}
					return h.Checks["app"].Error != ""
				})
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("the folder holds %v (%v), want nothing", left, err)
			}
		})
	}
}
