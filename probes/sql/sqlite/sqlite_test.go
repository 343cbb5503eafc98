package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chorus/probes"
)

// database makes a database file.
func database(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (a)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestNew(t *testing.T) {
	file := database(t)
	p, err := New(Options{DSN: file})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if res, err := p.Probe(t.Context()); err != nil || res.Message != "query answered" {
		t.Errorf("a sound file: %+v, %v", res, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, err = p.Probe(t.Context())
	if probes.ReasonOf(err) != probes.ReasonRefused || !strings.Contains(err.Error(), "the file does not exist") {
		t.Errorf("a file that was removed: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the probe made the file that it looked for")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Probe(ended); err == nil {
		t.Error("a run that has ended passes")
	}
}

func TestNormalize(t *testing.T) {
	for _, tt := range []struct{ given, dir, uri, warning, fault string }{
		{"app.db", "/var/lib", "file:/var/lib/app.db", "", ""},
		{"/a b.db", "/var/lib", "file:/a%20b.db", "", ""},
		{" file:/a.db?mode=ro&_busy_timeout=5 ", "", "file:/a.db?mode=ro&_busy_timeout=5", "", ""},
		{"/a.db?_journal_mode=WAL", "", "file:/a.db", "_journal_mode is ignored", ""},
		{"/a.db?mode=rwc", "", "", "", "mode=rwc creates"},
		{":memory:", "", "", "", "in memory"},
		{"", "", "", "", "no path"},
	} {
		uri, warnings, err := Normalize(tt.given, tt.dir)
		if tt.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("%q: error %v, want %q", tt.given, err, tt.fault)
			}
			continue
		}
		if err != nil || uri != tt.uri || !strings.Contains(strings.Join(warnings, "\n"), tt.warning) {
			t.Errorf("%q in %q is %q, %v, %v, want %q", tt.given, tt.dir, uri, warnings, err, tt.uri)
		}
		again, _, err := Normalize(uri, "/elsewhere")
		if err != nil || again != uri {
			t.Errorf("%q normalized again is %q, %v", uri, again, err)
		}
	}
}

// A write-ahead log that a killed writer left stays as it is, and its content is read.
func TestProbeLeavesWriteAheadLog(t *testing.T) {
	file := database(t)
	db, err := sql.Open("sqlite", file+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (42)"); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "left.db") // as after SIGKILL: the files, and nobody who has them open
	before := map[string]string{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(file + suffix)
		if err != nil || len(content) == 0 {
			t.Fatalf("%s has no content: %v", file+suffix, err)
		}
		before[suffix] = string(content)
		if err := os.WriteFile(left+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, parameters := range []string{"", "?_query_only=1", "?mode=rw", "?mode=ro"} {
		p, err := New(Options{DSN: left + parameters, Query: "SELECT a FROM t WHERE a = 42"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := p.Probe(t.Context()); err != nil {
				t.Errorf("%q: %v", parameters, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		for suffix, want := range before {
			if got, err := os.ReadFile(left + suffix); err != nil || string(got) != want {
				t.Errorf("%q: %s%s was changed: %d bytes, %v; before %d", parameters, left, suffix, len(got), err, len(want))
			}
		}
	}
}
