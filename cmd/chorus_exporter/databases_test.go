package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"chorus/probes"
)

// A file passes only if it is there and is a database; looking for it does not make it.
func TestSQLite(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.db")
	for _, tt := range []struct {
		name, file string
		reason     probes.Reason // "" when it passes
	}{
		{"good", sqliteFile(t), ""},
		{"missing", missing, probes.ReasonRefused},
		{"no database", write(t, "text.db", strings.Repeat("this is no database\n", 100)), probes.ReasonIntegrity},
		{"folder", t.TempDir(), probes.ReasonRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := probeOnce(t, "{driver: sqlite, dsn: '"+tt.file+"'}")
			if got := probes.ReasonOf(err); got != tt.reason {
				t.Errorf("reason %q, want %q: %v", got, tt.reason, err)
			}
		})
	}
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the probe made the file that it looked for (%v)", err)
	}
}

// That somebody writes for a moment is no failure; a lock that is never given back is one.
func TestSQLiteLocked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		held   time.Duration
		reason probes.Reason
	}{
		{"for a moment", 200 * time.Millisecond, ""},
		{"for ever", time.Hour, probes.ReasonTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := sqliteFile(t)
			db, err := sql.Open("sqlite", file)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
				t.Fatal(err)
			}
			release := time.AfterFunc(tt.held, func() { _, _ = db.Exec("ROLLBACK") })
			defer release.Stop()
			_, err = probeOnce(t, "{driver: sqlite, dsn: '"+file+"'}")
			if got := probes.ReasonOf(err); got != tt.reason {
				t.Errorf("reason %q, want %q: %v", got, tt.reason, err)
			}
		})
	}
}

// Whatever goes wrong with a connection, no text tells its password.
func TestPostgresErrors(t *testing.T) {
	closed, silent := closedPort(t), silentPort(t)
	file := write(t, "password", "s3cr3t\n")
	for _, tt := range []struct {
		name, entry string
		reason      probes.Reason
	}{
		{"nobody listens", "dsn: 'postgres://me:s3cr3t@" + closed + "/db'", probes.ReasonRefused},
		{"nobody listens, words", "dsn: 'host=127.0.0.1 port=" + port(closed) + " user=me password=s3cr3t'", probes.ReasonRefused},
		{"password file", "dsn: 'postgres://me@" + closed + "/db', password_file: " + file, probes.ReasonRefused},
		{"nobody answers", "dsn: 'postgres://me:s3cr3t@" + silent + "/db'", probes.ReasonTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := probeOnce(t, "{driver: postgres, "+tt.entry+"}")
			if err == nil || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("error %v, want one without the password", err)
			}
			if got := probes.ReasonOf(err); got != tt.reason {
				t.Errorf("reason %q, want %q: %v", got, tt.reason, err)
			}
		})
	}
}

// A password that is gone later is the probe's failure, not a crash.
func TestPasswordIsReadAnew(t *testing.T) {
	file := write(t, "password", "first\n")
	d := Database{PasswordFile: file}
	if got, err := d.password(); got != "first" || err != nil {
		t.Errorf("password = %q, %v", got, err)
	}
	if err := os.WriteFile(file, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := d.password(); got != "second" || err != nil {
		t.Errorf("password = %q, %v, want the new one", got, err)
	}
	if err := os.WriteFile(file, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := d.password(); err == nil {
		t.Errorf("password = %q, want an error for an empty file", got)
	}
}

// A database whose entry stays as it was keeps its probe, and so its connections and its place in the schedule.
func TestReloadKeepsEqualDatabases(t *testing.T) {
	a, b, c := sqliteFile(t), sqliteFile(t), sqliteFile(t)
	entry := func(name, file string) string { return "  - {name: " + name + ", driver: sqlite, dsn: " + file + "}\n" }
	first, err := prepare(write(t, "1.yml", "databases:\n"+entry("a", a)+entry("b", b)), nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	second, err := prepare(write(t, "2.yml", "databases:\n"+entry("b", c)+entry("a", a)), first, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	if first.specs[0] != second.specs[1] {
		t.Error("the entry that stayed has another probe")
	}
	if first.specs[1].Probe == second.specs[0].Probe {
		t.Error("the entry that changed has the old probe")
	}
	if err := errors.Join(first.closeUnless(second), second.closeUnless(nil)); err != nil {
		t.Error(err)
	}
}

// probeOnce runs the probe of one entry of databases.
func probeOnce(t *testing.T, entry string) (probes.Result, error) {
	t.Helper()
	p, err := prepare(write(t, "chorus.yml", "databases: ["+entry+"]\n"), nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.closeUnless(nil); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return p.specs[0].Probe.Probe(ctx)
}

// closedPort is an address that nobody listens on. It is under the range from which the kernel hands out ports, so that
// nobody gets it by chance before the test starts a server there.
func closedPort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// silentPort accepts connections, as the kernel does, and never says a word.
func silentPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
