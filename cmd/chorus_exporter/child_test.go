package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come soon. It is long because machines can be slow.
const patience = 2 * time.Minute

// child is a running exporter.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  output
	url  string
	done chan struct{} // closed when it has ended
}

// output collects what a child writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// start starts the exporter at a free port and waits until it listens.
func start(t *testing.T, args ...string) *child {
	t.Helper()
	return startAt(t, "127.0.0.1:0", args...)
}

func startAt(t *testing.T, address string, args ...string) *child {
	t.Helper()
	return startCommand(t, exec.Command(binary, append([]string{"--web.listen-address=" + address}, args...)...))
}

// startCommand starts a command that becomes the exporter, and waits until it listens.
func startCommand(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{t: t, cmd: cmd, done: make(chan struct{})}
	c.cmd.Stderr = &c.log
	if c.cmd.SysProcAttr == nil {
		c.cmd.SysProcAttr = endWithTest()
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		_ = c.cmd.Wait() // the exit code is asked for by those who want it
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended
		<-c.done
		if t.Failed() {
			t.Logf("log:\n%s", c.log.String())
		}
	})
	c.eventually("it listens", func() bool {
		m := listening.FindStringSubmatch(c.log.String())
		if m != nil {
			c.url = "http://" + m[1]
		}
		return m != nil
	})
	return c
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// exit waits for the end and is its code.
func (c *child) exit() int {
	c.t.Helper()
	select {
	case <-c.done:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		c.t.Fatal("the exporter does not end")
		return -1
	}
}

// get asks for a path; code 0 says that nobody answers.
func (c *child) get(path string) (code int, body string) {
	c.t.Helper()
	resp, err := http.Get(c.url + path)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) {
		return 0, ""
	}
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// health is what /health answers, as far as the tests look.
type health struct {
	Status  string
	Message string
	Checks  map[string]struct {
		Healthy   bool
		State     string
		Message   string
		Error     string
		Interval  time.Duration
		Timestamp time.Time
	}
}

func (c *child) health(path string) (code int, h health) {
	c.t.Helper()
	code, body := c.get(path)
	if code == 0 {
		return 0, h
	}
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		c.t.Fatalf("%s answers %q: %v", path, body, err)
	}
	return code, h
}

// metric is the value of a series as it stands in /metrics, "" if there is none.
func (c *child) metric(series string) string {
	c.t.Helper()
	_, body := c.get("/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// eventually waits until what holds.
func (c *child) eventually(what string, holds func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("waited in vain until %s", what)
		}
	}
}
