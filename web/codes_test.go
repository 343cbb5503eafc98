package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chorus/evaluator"
)

// codes of one health path in the order of allStatuses: stopping, starting, unhealthy, degraded, healthy.
type codes [5]int

// TestHealthCodes is the table of the contract, and beside it what a stalled evaluator turns it into.
func TestHealthCodes(t *testing.T) {
	tests := []struct {
		path           string
		fresh, stalled codes
	}{
		{"/health", codes{503, 503, 503, 200, 200}, codes{503, 503, 503, 503, 503}},
		{"/health/ready", codes{503, 503, 503, 200, 200}, codes{503, 503, 503, 503, 503}},
		{"/health/live", codes{503, 200, 200, 200, 200}, codes{503, 503, 503, 503, 503}},
		{"/health/checks", codes{200, 200, 200, 200, 200}, codes{200, 200, 200, 200, 200}},
		{"/health/summary", codes{200, 200, 200, 200, 200}, codes{200, 200, 200, 200, 200}},
		{"/metrics", codes{200, 200, 200, 200, 200}, codes{200, 200, 200, 200, 200}},
		{"/", codes{200, 200, 200, 200, 200}, codes{200, 200, 200, 200, 200}},
		{"/-/healthy", codes{200, 200, 200, 200, 200}, codes{200, 200, 200, 200, 200}},
		{"/-/ready", codes{200, 503, 200, 200, 200}, codes{200, 503, 200, 200, 200}},
	}
	synctest.Test(t, func(t *testing.T) {
		handlers := []*Handler{}
		for _, status := range allStatuses {
			handlers = append(handlers, newWorld(status).handler(t))
		}
		codesOf := func(path string) (c codes) {
			for i, h := range handlers {
				c[i] = ask(h, "GET", path).StatusCode
			}
			return c
		}
		sayWhatTheyServe(t, handlers)
		for _, tt := range tests {
			if got := codesOf(tt.path); got != tt.fresh {
				t.Errorf("GET %s in %v: got %v, want %v", tt.path, allStatuses, got, tt.fresh)
			}
		}
		time.Sleep(time.Minute)
		if got, want := codesOf("/health/live"), (codes{503, 200, 200, 200, 200}); got != want {
			t.Errorf("GET /health/live at the stall timeout: got %v, want %v", got, want)
		}
		sayWhatTheyServe(t, handlers)
		time.Sleep(time.Millisecond)
		sayWhatTheyServe(t, handlers)
		for _, tt := range tests {
			if got := codesOf(tt.path); got != tt.stalled {
				t.Errorf("GET %s, stalled, in %v: got %v, want %v", tt.path, allStatuses, got, tt.stalled)
			}
		}
	})
}

// sayWhatTheyServe holds that Serving says what the paths answer.
func sayWhatTheyServe(t *testing.T, handlers []*Handler) {
	t.Helper()
	for i, h := range handlers {
		live, ready := h.Serving()
		if want := ask(h, "GET", "/health/live").StatusCode == 200; live != want {
			t.Errorf("%v: live is %v, want %v", allStatuses[i], live, want)
		}
		if want := ask(h, "GET", "/health/ready").StatusCode == 200; ready != want {
			t.Errorf("%v: ready is %v, want %v", allStatuses[i], ready, want)
		}
	}
}

// TestUnknownStatusIsNotReady holds that only what is known to be well is answered 200.
func TestUnknownStatusIsNotReady(t *testing.T) {
	for _, status := range []evaluator.Status{"", "fine", "Healthy"} {
		h := newWorld(status).handler(t)
		for _, path := range []string{"/health", "/health/ready"} {
			if got := ask(h, "GET", path).StatusCode; got != 503 {
				t.Errorf("GET %s with status %q: got %d, want 503", path, status, got)
			}
		}
	}
}

// TestMethods sends every method to every path on a real server.
func TestMethods(t *testing.T) {
	read := map[string]bool{"GET": true, "HEAD": true}
	reload := map[string]bool{"POST": true, "PUT": true}
	tests := []struct {
		path  string
		allow map[string]bool
		json  bool
	}{
		{"/health", read, true},
		{"/health/ready", read, true},
		{"/health/live", read, true},
		{"/health/checks", read, true},
		{"/health/checks/disk-space", read, true},
		{"/health/summary", read, true},
		{"/metrics", read, false},
		{"/", read, false},
		{"/style.css", read, false},
		{"/config", read, false},
		{"/-/healthy", read, false},
		{"/-/ready", read, false},
		{"/-/reload", reload, false},
		{"/debug/pprof/", map[string]bool{"GET": true, "HEAD": true, "POST": true}, false},
		{"/debug/pprof/cmdline", map[string]bool{"GET": true, "HEAD": true, "POST": true}, false},
	}
	srv := httptest.NewServer(newWorld(evaluator.Healthy).handler(t))
	defer srv.Close()
	for _, tt := range tests {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			res, text := send(t, srv, method, tt.path)
			if tt.allow[method] {
				if res.StatusCode != 200 {
					t.Errorf("%s %s: got %d, want 200", method, tt.path, res.StatusCode)
				}
				continue
			}
			if res.StatusCode != 405 || res.Header.Get("Allow") == "" {
				t.Errorf("%s %s: got %d, headers %v, want 405 and Allow", method, tt.path, res.StatusCode, res.Header)
			}
			if tt.json && (res.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(text, `{"error":`)) {
				t.Errorf("%s %s: got %q, want a JSON error", method, tt.path, text)
			}
		}
	}
}

// TestHeadEqualsGet holds that HEAD answers GET's code and headers and no body.
func TestHeadEqualsGet(t *testing.T) {
	for _, status := range allStatuses {
		srv := httptest.NewServer(newWorld(status).handler(t))
		for _, path := range append([]string{"/", "/-/ready", "/config", "/style.css", "/nothing"}, jsonPaths...) {
			get, _ := send(t, srv, "GET", path)
			head, text := send(t, srv, "HEAD", path)
			get.Header.Del("Date")
			head.Header.Del("Date")
			if head.StatusCode != get.StatusCode || text != "" {
				t.Errorf("HEAD %s: code %d, body %q; GET's code is %d", path, head.StatusCode, text, get.StatusCode)
			}
			if diff := cmp.Diff(get.Header, head.Header); diff != "" {
				t.Errorf("HEAD %s (-GET +HEAD):\n%s", path, diff)
			}
			if get.Header.Get("Content-Length") == "" || get.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("GET %s: headers %v", path, get.Header)
			}
		}
		srv.Close()
	}
}

// TestHealthHeaders are what the contract promises of the four health paths.
func TestHealthHeaders(t *testing.T) {
	srv := httptest.NewServer(newWorld(evaluator.Unhealthy).handler(t))
	defer srv.Close()
	for _, path := range jsonPaths[:4] {
		res, _ := send(t, srv, "GET", path+"?verbose=1")
		ct, cc := res.Header.Get("Content-Type"), res.Header.Get("Cache-Control")
		if ct != "application/json" || cc != "no-store" {
			t.Errorf("GET %s: Content-Type %q, Cache-Control %q", path, ct, cc)
		}
	}
}

// TestNoRedirects asks for paths that an http.ServeMux would redirect.
func TestNoRedirects(t *testing.T) {
	srv := httptest.NewServer(newWorld(evaluator.Healthy).handler(t))
	defer srv.Close()
	for _, path := range []string{
		"//health", "/health/", "/health//ready", "/health/../health", "/./health", "/debug/pprof", "/metrics/", "/-/", "/x",
		"/health/explain/x", "/health/checks/", "/health/checks/..%2f..", "/health/checks/disk-space/",
	} {
		if res, _ := send(t, srv, "GET", path); res.StatusCode != 404 {
			t.Errorf("GET %s: got %d, want 404", path, res.StatusCode)
		}
	}
}

func TestHealthOnly(t *testing.T) {
	for _, statusOnly := range []bool{false, true} {
		h := newWorld(evaluator.Starting).handler(t).HealthOnly(statusOnly)
		for path, want := range map[string]int{
			"/health": 503, "/health/ready": 503, "/health/live": 200, "/health/checks": 200,
			"/": 404, "/metrics": 404, "/config": 404, "/-/reload": 404, "/health/summary": 404, "/health/checks/disk-space": 404,
		} {
			if got := ask(h, "GET", path).StatusCode; got != want {
				t.Errorf("status only %v: GET %s: got %d, want %d", statusOnly, path, got, want)
			}
		}
		if got := ask(h, "POST", "/health").StatusCode; got != 405 {
			t.Errorf("POST /health: got %d, want 405", got)
		}
	}
}

// send sends a request to srv without following redirects.
func send(t *testing.T, srv *httptest.Server, method, path string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	res, err := srv.Client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}
