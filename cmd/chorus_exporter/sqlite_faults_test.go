package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever befalls the file of a SQLite database, a run of its probe fails, at most the second one after it, and nothing is
// created. When the database is back, it passes again.
func TestSQLiteFileFaults(t *testing.T) {
	for name, fault := range map[string]func(file string) error{
		"moved away":          func(file string) error { return os.Rename(file, file+".away") },
		"deleted":             os.Remove,
		"empty":               func(file string) error { return os.Truncate(file, 0) },
		"cut in the middle":   func(file string) error { return os.Truncate(file, 5000) },
		"cut in the header":   func(file string) error { return os.Truncate(file, 60) },
		"replaced by garbage": func(file string) error { return replaceBy(file, strings.Repeat("garbage ", 2048)) },
		"replaced by nothing": func(file string) error { return replaceBy(file, "") },
		"a directory": func(file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Mkdir(file, 0o755)
		},
		"a pipe": func(file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return syscall.Mkfifo(file, 0o644)
		},
		"a dangling link": func(file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.Symlink("nowhere.db", file)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := sqliteFile(t)
			good, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, _, c := judgeDSN(t, "sqlite", file)
			if err := c.err(); err != nil {
				t.Fatal(err)
			}
			probe, err := c.Databases[0].probe()
			if err != nil {
				t.Fatal(err)
			}
			defer probe.Close()
			if _, err := probe.Probe(t.Context()); err != nil {
				t.Fatalf("a sound database fails: %v", err)
			}
			if err := fault(file); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadDir(filepath.Dir(file))
			_, _ = probe.Probe(t.Context()) // this one may still pass
			if r, err := probe.Probe(t.Context()); err == nil {
				t.Errorf("the second run passes: %+v", r)
			}
			if after, _ := os.ReadDir(filepath.Dir(file)); len(after) != len(before) {
				t.Errorf("the folder holds %v, want %v", after, before)
			}
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, good, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := probe.Probe(t.Context()); err != nil {
				t.Errorf("the database is back: %v", err)
			}
		})
	}
}

// replaceBy puts another file in the place of one, as an editor or a restore does.
func replaceBy(file, content string) error {
	if err := os.WriteFile(file+".new", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
