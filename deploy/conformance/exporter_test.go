package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come soon. It is long because machines can be slow.
const patience = 30 * time.Second

// What the exporter logs when it listens, followed by the address.
const (
	onMain   = "Listening on"
	onProbes = "Listening for probes on "
	onGRPC   = "Listening for gRPC health checks on "
)

// exporter is a running exporter.
type exporter struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *gate
	main string         // address of the main listener
	port map[string]int // of the others, by the port's name in the manifests
}

// binary is the exporter under test. Where it is missing the test is skipped, in CI it fails.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("CHORUS_EXPORTER")
	if path == "" {
		path = "../../bin/chorus_exporter"
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no exporter: %v", err)
	}
	t.Skipf("no exporter (%v): run make build, or make conformance", err)
	return ""
}

// start starts an exporter with the arguments of a container, a configuration of the test's own, and every listener on a
// free port of loopback.
func start(t *testing.T, args []string, config string, more ...string) *exporter {
	t.Helper()
	file := write(t, "chorus.yml", config)
	own := []string{"--web.listen-address=127.0.0.1:0"}
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		switch name {
		case "--config.file":
			arg = name + "=" + file
		case "--web.probe-listen-address", "--grpc.listen-address":
			arg = name + "=127.0.0.1:0"
		}
		own = append(own, arg)
	}
	e := &exporter{t: t, cmd: exec.Command(binary(t), append(own, more...)...), port: map[string]int{}}
	e.cmd.SysProcAttr = endWithTest()
	log, err := e.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.log = &gate{Reader: log, held: make(chan struct{})}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening, text, done := make(chan [2]string, 10), &lines{}, make(chan struct{})
	go func() {
		defer close(done)
		for scanner := bufio.NewScanner(e.log); scanner.Scan(); {
			text.add(scanner.Text())
			var line struct{ Msg, Address string }
			if json.Unmarshal(scanner.Bytes(), &line) == nil && strings.HasPrefix(line.Msg, "Listening") {
				listening <- [2]string{line.Msg, line.Address}
			}
		}
		_ = e.cmd.Wait() // how it ended is asked for by those who want it
	}()
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill() // it may have ended
		<-done
		if t.Failed() {
			t.Logf("log:\n%s", text)
		}
	})
	e.awaitListeners(listening, strings.Count(strings.Join(own, "\n"), "listen-address="))
	return e
}

// gate lets nobody read while its mutex is held.
type gate struct {
	io.Reader
	mu   sync.Mutex
	held chan struct{} // closed as soon as a reader waits
	once sync.Once
}

// Read implements io.Reader.
func (g *gate) Read(b []byte) (int, error) {
	if !g.mu.TryLock() {
		g.once.Do(func() { close(g.held) })
		g.mu.Lock()
	}
	g.mu.Unlock()
	return g.Reader.Read(b)
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) add(line string) {
	if line == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text, "\n")
}

// awaitListeners waits until all of n listeners are open.
func (e *exporter) awaitListeners(listening <-chan [2]string, n int) {
	e.t.Helper()
	late := time.After(patience)
	for range n {
		select {
		case l := <-listening:
			switch {
			case l[0] == onMain:
				e.main = l[1]
			case strings.HasPrefix(l[0], onProbes):
				e.port["probes"] = e.number(l[0], onProbes)
			case strings.HasPrefix(l[0], onGRPC):
				e.port["grpc"] = e.number(l[0], onGRPC)
			}
		case <-late:
			e.t.Fatalf("the exporter does not listen on all of its %d addresses", n)
		}
	}
}

// number is the port in a message.
func (e *exporter) number(msg, prefix string) int {
	e.t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(msg, prefix))
	if err != nil {
		e.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}

func (e *exporter) signal(s syscall.Signal) {
	e.t.Helper()
	if err := e.cmd.Process.Signal(s); err != nil {
		e.t.Fatal(err)
	}
}

// eventually waits until what holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// write makes a file for a test.
func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// silent is the address of a server that accepts and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
