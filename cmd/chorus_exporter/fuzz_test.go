package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever a file holds, it is a configuration or there is a fault with a text, and the defaults stay what they are.
func FuzzConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/config/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatalf("found %d files (%v)", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseDefaults()
		if err != nil {
			t.Fatal(err)
		}
		c.parse("fuzz.yml", data)
		switch err := c.err(); {
		case err == nil:
			if c.EvaluationInterval <= 0 || c.History.MaxEntries < 1 || c.Thresholds.Degraded > c.Thresholds.Healthy {
				t.Errorf("accepted, though invalid: %+v", c.Config)
			}
		case !strings.HasPrefix(err.Error(), "fuzz.yml"):
			t.Errorf("the fault does not name the file: %v", err)
		}
	})
}
