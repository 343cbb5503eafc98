package main

import (
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A whole life in this process: start, run a probe, reload to another database and back, stop. It must leave nothing
// behind.
func TestLifeLeavesNothing(t *testing.T) {
	ignored := goleak.IgnoreCurrent()
	config := func(db string) string {
		return "evaluation_interval: 100ms\nshutdown: {drain_delay: 100ms}\ndatabases: [{driver: sqlite, dsn: " + db + "}]\n" +
			"checks: {database-connectivity: {interval: 200ms, timeout: 100ms}}\n"
	}
	one, two := sqliteFile(t), sqliteFile(t)
	file := write(t, "chorus.yml", config(one))
	l := live(t, "--config.file="+file)
	l.waitFor("the probe passed", func() bool { return l.log.contains("Status changed") })
	if err := os.WriteFile(file, []byte(config(two)), 0o644); err != nil {
		t.Fatal(err)
	}
	l.signals <- syscall.SIGHUP
	l.waitFor("it reloaded", func() bool { return l.log.contains("Configuration reloaded") })
	l.signals <- syscall.SIGTERM
	if code := l.end(); code != exitOK {
		t.Errorf("exit code %d, want %d:\n%s", code, exitOK, l.log.String())
	}
	goleak.VerifyNone(t, ignored)
}

// The end of the context ends everything without a drain.
func TestContextEnds(t *testing.T) {
	ignored := goleak.IgnoreCurrent()
	l := live(t, "--config.file="+write(t, "chorus.yml", "shutdown: {drain_delay: 10m, timeout: 15m}\n"))
	l.cancel()
	if code := l.end(); code != exitOK {
		t.Errorf("exit code %d, want %d:\n%s", code, exitOK, l.log.String())
	}
	goleak.VerifyNone(t, ignored)
}

// A listener that is not available is an error, and what was started ends.
func TestNoListener(t *testing.T) {
	ignored := goleak.IgnoreCurrent()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var log output
	code := run(t.Context(), process{args: []string{"--web.listen-address=" + taken.Addr().String()}, stdout: &log, stderr: &log})
	if code != exitError || !log.contains("address already in use") {
		t.Errorf("exit code %d, want %d:\n%s", code, exitError, log.String())
	}
	taken.Close()
	goleak.VerifyNone(t, ignored)
}

// life is an exporter that runs in the test's own process.
type life struct {
	t       *testing.T
	signals chan os.Signal
	cancel  context.CancelFunc
	log     *output
	ended   chan int
}

func live(t *testing.T, args ...string) *life {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &life{t: t, signals: make(chan os.Signal, 1), cancel: cancel, log: &output{}, ended: make(chan int, 1)}
	up := make(chan net.Addr, 1)
	go func() {
		l.ended <- run(ctx, process{
			args:   append([]string{"--web.listen-address=127.0.0.1:0"}, args...),
			stdout: l.log, stderr: l.log, signals: l.signals,
			listening: func(a net.Addr) { up <- a },
		})
	}()
	select {
	case <-up:
	case code := <-l.ended:
		t.Fatalf("it ended with %d:\n%s", code, l.log.String())
	case <-time.After(patience):
		t.Fatalf("it does not listen:\n%s", l.log.String())
	}
	return l
}

func (l *life) waitFor(what string, holds func() bool) {
	l.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("waited in vain until %s:\n%s", what, l.log.String())
		}
	}
}

func (l *life) end() int {
	l.t.Helper()
	select {
	case code := <-l.ended:
		return code
	case <-time.After(patience):
		l.t.Fatalf("it does not end:\n%s", l.log.String())
		return -1
	}
}

func (o *output) contains(text string) bool { return strings.Contains(o.String(), text) }

// sqliteFile makes a database.
func sqliteFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t (x INTEGER)"); err != nil {
		t.Fatal(err)
	}
	return file
}
