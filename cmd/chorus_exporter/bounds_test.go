package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
