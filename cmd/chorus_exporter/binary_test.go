package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Without a configuration it watches this machine by the shipped rules, and says so within seconds.
func TestStartWithoutConfig(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.eventually("it has a verdict", func() bool { _, h := c.health("/health"); return h.Status != "starting" })
	// The machine that tests run on may be busy: degraded answers 200 as well.
	code, h := c.health("/health")
	if code != 200 || len(h.Checks) != 1 || h.Checks["resource-health"].State == "" {
		t.Errorf("/health = %d %+v, want 200 and resource-health", code, h)
	}
	for _, path := range []string{
		"/", "/-/healthy", "/-/ready", "/health/live", "/health/ready", "/health/checks", "/metrics", "/config",
	} {
		if code, _ := c.get(path); code != 200 {
			t.Errorf("%s = %d, want 200", path, code)
		}
	}
	if code, _ := c.get("/debug/pprof/"); code == 200 {
		t.Error("/debug/pprof/ = 200, want it off without its flag")
	}
	if resp, err := http.Post(c.url+"/-/reload", "", nil); err != nil || resp.StatusCode != 403 {
		t.Errorf("POST /-/reload = %v, %v, want 403 without its flag", resp, err)
	} else {
		resp.Body.Close()
	}
}

// Every example starts as it stands, and every check that it asks for is there.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d examples (%v)", len(files), err)
	}
	for _, file := range files {
		switch filepath.Base(file) {
		case "prometheus.yml", "alertmanager.yml": // of other programs
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if out, code := once(t, "--config.check", "--config.file="+file); code != exitOK {
				t.Errorf("--config.check = %d: %s", code, out)
			}
			if filepath.Base(file) == "cluster.yml" {
				return // started with its cluster by a test of its own
			}
			c := start(t, "--config.file="+file)
			c.eventually("it has a verdict", func() bool { _, h := c.health("/health"); return h.Status != "starting" })
			_, h := c.health("/health")
			if len(h.Checks) == 0 {
				t.Errorf("/health = %+v, want checks", h)
			}
			for name, check := range h.Checks {
				if !check.Healthy && check.Message == "" {
					t.Errorf("check %s fails without a message", name)
				}
			}
		})
	}
}

// SIGTERM shows the status stopping to whoever looks, and ends the process with code 0.
func TestStop(t *testing.T) {
	c := start(t, "--config.file="+write(t, "c.yml", "shutdown: {drain_delay: 2s}\nevaluation_interval: 200ms\n"))
	c.eventually("it is live", func() bool { code, _ := c.get("/health/live"); return code == 200 })
	c.signal(syscall.SIGTERM)
	c.eventually("it says stopping", func() bool { _, h := c.health("/health"); return h.Status == "stopping" })
	for _, path := range []string{"/health", "/health/ready", "/health/live"} {
		if code, body := c.get(path); code != 503 || !strings.Contains(body, `"stopping"`) {
			t.Errorf("%s = %d %s, want 503 and stopping", path, code, body)
		}
	}
	if code, _ := c.get("/metrics"); code != 200 {
		t.Errorf("/metrics = %d while stopping, want 200", code)
	}
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
	if !strings.Contains(c.log.String(), "msg=Stopped") {
		t.Error("the log does not say that it stopped")
	}
}

// nobodysHash is that of no known password.
const nobodysHash = "$2y$10$abcdefghijklmnopqrstuuMk0vJ3Wn1c9bY5y6m8p2Qx4Zr7T0dKe"

// --web.config.file guards all paths.
func TestWebConfig(t *testing.T) {
	c := start(t, "--web.config.file="+write(t, "web.yml", "basic_auth_users: {me: "+nobodysHash+"}\n"))
	for _, path := range []string{"/", "/health", "/metrics", "/config"} {
		if code, _ := c.get(path); code != 401 {
			t.Errorf("%s = %d, want 401", path, code)
		}
	}
}

// A second signal ends the process at once.
func TestStopTwice(t *testing.T) {
	c := start(t, "--config.file="+write(t, "c.yml", "shutdown: {drain_delay: 10m, timeout: 15m}\n"))
	c.signal(os.Interrupt)
	c.eventually("it says stopping", func() bool { _, h := c.health("/health"); return h.Status == "stopping" })
	c.signal(syscall.SIGTERM)
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
}

// What keeps it from starting is said once and has its own exit code.
func TestDoesNotStart(t *testing.T) {
	taken := start(t)
	for _, tt := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"no file", []string{"--config.file=nowhere.yml"}, exitError, "--config.file=nowhere.yml: no such file or directory"},
		{
			"bad file",
			[]string{"--config.file=testdata/config/null.bad.yml"},
			exitError,
			"null.bad.yml:1: resources: no value",
		},
		{
			"address taken",
			[]string{"--web.listen-address=" + strings.TrimPrefix(taken.url, "http://")},
			exitError,
			"address already in use",
		},
		{"no web config", []string{"--web.config.file=nowhere.yml"}, exitError, "check --web.config.file nowhere.yml"},
		{"unknown flag", []string{"--nonsense"}, exitUsage, "unknown long flag '--nonsense'"},
		{"argument", []string{"nonsense"}, exitUsage, "unexpected nonsense"},
		{"log level", []string{"--log.level=loud"}, exitUsage, "unrecognized log level loud"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, code := once(t, tt.args...)
			if code != tt.code || strings.Count(out, tt.text) != 1 {
				t.Errorf("exit code %d, want %d, and %q once in:\n%s", code, tt.code, tt.text, out)
			}
		})
	}
}

// What people see of the command line.
func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		code int
		args []string
	}{
		{"help", exitOK, []string{"--help"}},
		{"check_defaults", exitOK, []string{"--config.check"}},
		{"check_good", exitOK, []string{"--config.check", "--config.file=testdata/check/good.yml"}},
		{"check_cluster", exitOK, []string{"--config.check", "--config.file=../../examples/cluster.yml"}},
		{"check_unexposed", exitOK, []string{"--config.check", "--config.file=testdata/check/unexposed.yml"}},
		{"check_faults", exitError, []string{"--config.check", "--config.file=testdata/config/broken_rules.bad.yml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, code := once(t, tt.args...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			// How many rules are shipped is no business of this test.
			out = regexp.MustCompile(`rules: \d+, groups: \d+`).ReplaceAllString(out, "rules: N, groups: N")
			golden(t, filepath.Join("testdata", tt.name+".golden"), out)
		})
	}
}

// once runs the exporter to its end.
func once(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var text bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = &text, &text
	cmd.Env = append(os.Environ(), "COLUMNS=80") // the help text is wrapped to it
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("it does not end by itself:\n%s", text.String())
	}
	return text.String(), cmd.ProcessState.ExitCode()
}
