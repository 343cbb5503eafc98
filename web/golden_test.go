package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of testdata again")

// jsonPaths are the JSON answers of one world, an unknown check among them.
var jsonPaths = []string{
	"/health", "/health/ready", "/health/live", "/health/checks", "/health/summary",
	"/health/checks/database-connectivity", "/health/checks/disk-space", "/health/checks/pubsub-enhanced",
	"/health/checks/dht-active", "/health/checks/unknown",
}

// TestGoldenJSON compares every JSON answer in every status, fresh and stalled, byte for byte but for the indentation.
func TestGoldenJSON(t *testing.T) {
	for _, status := range allStatuses {
		t.Run(string(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newWorld(status).handler(t)
				golden(t, string(status)+".json", answersJSON(t, h, jsonPaths...))
				time.Sleep(61 * time.Second)
				golden(t, string(status)+"-stalled.json", answersJSON(t, h, jsonPaths...))
			})
		})
	}
}

// TestGoldenStatusOnly is the same for the answers that tell the status and no more.
func TestGoldenStatusOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := map[string]any{}
		for _, status := range allStatuses {
			h := newWorld(status).handler(t).HealthOnly(true)
			for _, path := range jsonPaths[:4] {
				res := ask(h, "GET", path)
				all[string(status)+" "+path] = exchange{res.StatusCode, json.RawMessage(body(t, res))}
			}
		}
		golden(t, "status-only.json", marshalIndent(t, all))
	})
}

func TestGoldenLanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := ask(newWorld("unhealthy").handler(t), "GET", "/")
		golden(t, "landing.html", []byte(body(t, res)+"\n"))
	})
}

type exchange struct {
	Code int             `json:"code"`
	Body json.RawMessage `json:"body"`
}

func answersJSON(t *testing.T, h *Handler, paths ...string) []byte {
	t.Helper()
	all := map[string]exchange{}
	for _, path := range paths {
		res := ask(h, "GET", path)
		if got := res.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("GET %s: content type %q", path, got)
		}
		all[path] = exchange{res.StatusCode, json.RawMessage(body(t, res))}
	}
	return marshalIndent(t, all)
}

func marshalIndent(t *testing.T, v any) []byte {
	t.Helper()
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it again):\n%s", name, diff)
	}
}
