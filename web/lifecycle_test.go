package web

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-kit/log"

	"chorus/evaluator"
)

func TestReload(t *testing.T) {
	bad := errors.New("parse config c.yml: line 3: no such key")
	tests := []struct {
		name, method string
		enabled      bool
		header       map[string]string
		err          error
		code         int
		text         string
		reloads      int32
		logged       bool
	}{
		{"disabled", "POST", false, nil, nil, 403, "--web.enable-lifecycle", 0, false},
		{"disabled, PUT", "PUT", false, nil, nil, 403, "--web.enable-lifecycle", 0, false},
		{"disabled, GET", "GET", false, nil, nil, 405, "POST, PUT", 0, false},
		{"GET", "GET", true, nil, nil, 405, "POST, PUT", 0, false},
		{"POST", "POST", true, nil, nil, 200, "Reloaded.", 1, false},
		{"PUT", "PUT", true, nil, nil, 200, "Reloaded.", 1, false},
		{"refused", "POST", true, nil, bad, 500, bad.Error(), 1, true},
		{"same origin", "POST", true, map[string]string{"Sec-Fetch-Site": "same-origin"}, nil, 200, "", 1, false},
		{"other origin", "POST", true, map[string]string{"Sec-Fetch-Site": "cross-site"}, nil, 403, "other origins", 0, false},
		{"other origin, old browser", "POST", true, map[string]string{"Origin": "https://evil.test"}, nil, 403, "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var reloads atomic.Int32
			var buf bytes.Buffer
			h := newWorld(evaluator.Healthy).handler(t, func(o *Options) {
				o.EnableLifecycle = tt.enabled
				o.Logger = log.NewLogfmtLogger(&buf)
				o.Reload = func(context.Context) error {
					reloads.Add(1)
					return tt.err
				}
			})
			req := httptest.NewRequest(tt.method, "/-/reload", nil)
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != tt.code || !strings.Contains(rec.Body.String(), tt.text) || reloads.Load() != tt.reloads {
				t.Errorf("got %d %q, %d reloads, want %d %q, %d", rec.Code, rec.Body, reloads.Load(), tt.code, tt.text, tt.reloads)
			}
			if got := strings.Contains(buf.String(), "no such key"); got != tt.logged {
				t.Errorf("logged: %v, want %v: %s", got, tt.logged, &buf)
			}
		})
	}
}

// TestReloadsOneAtATime sends many reloads at once.
func TestReloadsOneAtATime(t *testing.T) {
	var running, all atomic.Int32
	h := newWorld(evaluator.Healthy).handler(t, func(o *Options) {
		o.Reload = func(context.Context) error {
			if running.Add(1) > 1 {
				t.Error("two reloads run at once")
			}
			all.Add(1)
			running.Add(-1)
			return nil
		}
	})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { ask(h, "POST", "/-/reload") })
	}
	wg.Wait()
	if all.Load() != 20 {
		t.Errorf("%d reloads, want 20", all.Load())
	}
}

// TestReloadGivenUp holds that a request whose sender has gone does not wait for its turn.
func TestReloadGivenUp(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h := newWorld(evaluator.Healthy).handler(t, func(o *Options) {
		o.Reload = func(context.Context) error {
			once.Do(func() { close(started) })
			<-finish
			return nil
		}
	})
	var wg sync.WaitGroup
	wg.Go(func() { ask(h, "POST", "/-/reload") })
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", "/-/reload", nil))
	close(finish)
	wg.Wait()
}

func TestConfig(t *testing.T) {
	h := newWorld(evaluator.Healthy).handler(t)
	if got := body(t, ask(h, "GET", "/config")); got != "node_id: node-123" {
		t.Errorf("got %q", got)
	}
	h = newWorld(evaluator.Healthy).handler(t, func(o *Options) { o.Config = nil })
	if got := ask(h, "GET", "/config").StatusCode; got != 404 {
		t.Errorf("no configuration: got %d, want 404", got)
	}
}

func TestPprof(t *testing.T) {
	on := newWorld(evaluator.Healthy).handler(t)
	off := newWorld(evaluator.Healthy).handler(t, func(o *Options) { o.EnablePprof = false })
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"} {
		if got := ask(on, "GET", path).StatusCode; got != 200 {
			t.Errorf("GET %s: got %d, want 200", path, got)
		}
		if got := ask(off, "GET", path).StatusCode; got != 404 {
			t.Errorf("GET %s, switched off: got %d, want 404", path, got)
		}
	}
}
