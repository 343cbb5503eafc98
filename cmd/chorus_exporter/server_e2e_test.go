//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// server is a program of others that a test runs: Prometheus, Alertmanager.
type server struct {
	t    *testing.T
	name string
	url  string
	log  output
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	drawn map[string]bool // expressions of dashboards that have had data
}

// lacking skips a test that misses something. In CI it fails.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// tool is the path of a program under bin/, which make built or unpacked.
func tool(t *testing.T, path string) string {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("../../bin", path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err == nil {
		return program
	}
	target, _, _ := strings.Cut(path, "/")
	lacking(t, "bin/%s is missing: make bin/%s", path, target)
	return ""
}

// needServers skips a test early where a server is missing.
func needServers(t *testing.T) {
	t.Helper()
	for _, path := range []string{"prometheus", "promtool", "debian/usr/bin/prometheus", "debian/usr/bin/prometheus-alertmanager"} {
		tool(t, path)
	}
}

// startServer starts a program that listens at the address, and waits until it says that it is ready.
func startServer(t *testing.T, name, address, program string, args ...string) *server {
	t.Helper()
	s := &server{t: t, name: name, url: "http://" + address, done: make(chan struct{}), drawn: map[string]bool{}}
	s.cmd = exec.Command(program, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.SysProcAttr = endWithTest()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.done
		if t.Failed() {
			text := s.log.String()
			t.Logf("end of the log of %s:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
	s.soon("it is ready", func() bool {
		resp, err := http.Get(s.url + "/-/ready")
		if err != nil {
			select {
			case <-s.done:
				t.Fatalf("%s has ended", name)
			default:
			}
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// soon waits until what holds.
func (s *server) soon(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(long); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: waited in vain until %s", s.name, what)
		}
	}
}

// api asks the HTTP API and reads its data into v.
func (s *server) api(path string, params url.Values, v any) error {
	s.t.Helper()
	ask := func() (*http.Response, error) { return http.PostForm(s.url+path, params) }
	if len(params) == 0 {
		ask = func() (*http.Response, error) { return http.Get(s.url + path) }
	}
	resp, err := ask()
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error   string
		Data            json.RawMessage
		Warnings, Infos []string // what the server finds doubtful, and Grafana shows
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s answers %s: %w", path, resp.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s answers %s: %s", path, resp.Status, answer.Error)
	}
	if doubts := append(answer.Warnings, answer.Infos...); len(doubts) > 0 {
		return fmt.Errorf("%s doubts %v: %q", path, params["query"], doubts)
	}
	return json.Unmarshal(answer.Data, v)
}

// own is a metric that the server exposes of itself, summed over its series; -1 if there is none.
func (s *server) own(name string) float64 {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	sum, known := 0.0, false
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
		if err != nil {
			s.t.Fatalf("%s: %q: %v", s.name, line, err)
		}
		sum, known = sum+v, true
	}
	if !known {
		return -1
	}
	return sum
}

// none checks that a counter of the server's own, if there is one, counts nothing.
func (s *server) none(name string) {
	s.t.Helper()
	if n := s.own(name); n > 0 {
		s.t.Errorf("%s: %s = %v, want 0", s.name, name, n)
	}
}
