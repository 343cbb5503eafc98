package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const ownRules = `groups:
  - name: goroutines
    rules:
      - alert: ManyGoroutines
        expr: go_goroutines > LIMIT
        labels: {check_name: goroutines, component: exporter, severity: warning}
        annotations: {summary: '{{ $value }} goroutines'}
`

// A reload takes everything or nothing: with a fault in the configuration or in a rule file all stays, and metric and
// log say why; then a good one is taken as a whole.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "chorus.yml")
	put := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const settings = "evaluation_interval: 200ms\nrule_files: ['*.rules.yml']\n"
	put("own.rules.yml", strings.ReplaceAll(ownRules, "LIMIT", "10000"))
	put("chorus.yml", settings)
	c := start(t, "--config.file="+config, "--web.enable-lifecycle")
	state := func() string { _, h := c.health("/health"); return h.Checks["goroutines"].State }
	c.eventually("the own check passes", func() bool { return state() == "ok" })

	for _, tt := range []struct{ name, file, content, text string }{
		{"broken configuration", "chorus.yml", settings + "nonsense: 1\n", "chorus.yml:3: unknown key"},
		{"broken rules", "own.rules.yml", strings.ReplaceAll(ownRules, "LIMIT", ")"), "own.rules.yml:5:"},
		{"no YAML", "chorus.yml", "node_id: [\n", "chorus.yml:1: invalid YAML"},
		{"node_id", "chorus.yml", settings + "node_id: another\n", "node_id: a change from"},
		{
			"history", "chorus.yml", settings + "history: {max_entries: 7}\n",
			"chorus.yml:3: history.max_entries: a change from 1000 to 7 needs a restart",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			_, before := c.get("/config")
			put(tt.file, tt.content)
			c.signal(syscall.SIGHUP)
			c.eventually("the log says why", func() bool { return strings.Contains(c.log.String(), tt.text) })
			c.eventually("the metric says 0", func() bool { return c.metric("chorus_config_last_reload_successful") == "0" })
			if got := state(); got != "ok" {
				t.Errorf("the own check is %q, want it as it was", got)
			}
			if _, after := c.get("/config"); after != before {
				t.Errorf("/config has changed:\n%s", after)
			}
			put(tt.file, string(old))
			c.signal(syscall.SIGHUP)
			c.eventually("the metric says 1", func() bool { return c.metric("chorus_config_last_reload_successful") == "1" })
		})
	}

	if strings.Contains(c.log.String(), "evaluation_interval: a change") {
		t.Error("what a file that is no YAML does not say is reported as a change")
	}

	put("own.rules.yml", strings.ReplaceAll(ownRules, "LIMIT", "0"))
	put("chorus.yml", settings+"disable: [resource-health]\ncomponents: {exporter: {weight: 3}}\n")
	resp, err := http.Post(c.url+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("POST /-/reload = %d", resp.StatusCode)
	}
	c.eventually("the new rule fires", func() bool { return state() == "firing" })
	_, h := c.health("/health")
	if _, there := h.Checks["resource-health"]; there {
		t.Error("the check that is switched off is still in /health")
	}
	for series, want := range map[string]string{
		`chorus_health_component_weight{component="exporter"}`: "3",
		`chorus_resource_cpu_utilization_ratio`:                "",
	} {
		if got := c.metric(series); got != want {
			t.Errorf("%s = %q, want %q", series, got, want)
		}
	}
	if code, body := c.get("/health/checks"); code != 200 || !strings.Contains(body, `"resource-health"`) {
		t.Errorf("/health/checks = %d %s, want the check that is switched off", code, body)
	}
}

// A reload that adds a disk has its value: the check that speaks for it does not go through unknown or pending.
func TestReloadDisk(t *testing.T) {
	const settings = "evaluation_interval: 100ms\nresources: {cpu: 0.999, memory: 0.999, disk: 0.999}\n"
	file := write(t, "chorus.yml", settings+"disks: [{path: /}]\n")
	c := start(t, "--config.file="+file)
	state := func() string { _, h := c.health("/health"); return h.Checks["resource-health"].State }
	c.eventually("the check passes", func() bool { return state() == "ok" })
	dir := t.TempDir()
	c.reloadWith(file, settings+"disks: [{path: /}, {path: "+dir+"}]\n")
	series := `chorus_resource_disk_utilization_ratio{path="` + dir + `"}`
	for first := (time.Time{}); first.IsZero() || time.Since(first) < time.Second; {
		if got := state(); got != "ok" {
			t.Fatalf("the check is %q after a disk was added, want ok all the time", got)
		}
		if value := c.metric(series); first.IsZero() && value != "" {
			if first = time.Now(); value == "NaN" {
				t.Error("the disk has no value when it is first exposed")
			}
		}
	}
}
