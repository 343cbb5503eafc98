package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzLoad loads whatever bytes as an own file: it loads or says why not, in faults that name the file.
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"testdata/faults", "testdata/own", "testdata/shipped"} {
		names, err := fs.Glob(os.DirFS(dir), "*"+suffix)
		if err != nil || len(names) == 0 {
			f.Fatalf("no seeds in %s: %v", dir, err)
		}
		for _, name := range names {
			body, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
	status, err := fs.ReadFile(fixture(), "status.rules.yml")
	if err != nil {
		f.Fatal(err)
	}
	shipped := fstest.MapFS{"status.rules.yml": {Data: status}} // little, so that most of the time goes into body
	path := filepath.Join(f.TempDir(), "fuzz.rules.yml")
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := load(shipped, Options{Own: []string{path}, Actions: []string{"shutdown"}})
		if (set == nil) == (err == nil) {
			t.Fatalf("set %v, error %v", set, err)
		}
		if err == nil {
			return
		}
		if len(Faults(err)) == 0 {
			t.Errorf("an error without faults: %v", err)
		}
		for _, fault := range Faults(err) {
			if fault.File == "" || strings.TrimSpace(fault.Msg) == "" {
				t.Errorf("a fault that says nothing: %+v", fault)
			}
		}
	})
}
