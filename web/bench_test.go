package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"chorus/evaluator"
)

func newPathRequest(path string) *http.Request {
	return &http.Request{Method: "GET", URL: &url.URL{Path: path}, Header: http.Header{}, Host: "localhost"}
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// discard is a ResponseWriter that keeps its header map, so that what is measured is the handler.
type discard struct {
	header http.Header
	code   int
	length int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(code int)        { d.code = code }
func (d *discard) Write(b []byte) (int, error) { d.length += len(b); return len(b), nil }

// bare is the handler one would write without further thought: it writes body with the same headers.
func bare(code int, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(code)
		w.Write(body)
	})
}

// BenchmarkHealth compares a health request with a bare handler that writes the same bytes.
func BenchmarkHealth(b *testing.B) {
	h := newWorld(evaluator.Healthy).handler(b)
	answer := &h.view.Load().fresh[detailFull][pathHealth]
	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{{"handler", h}, {"bare", bare(answer.code, answer.body)}} {
		b.Run(bb.name, func(b *testing.B) {
			r, w := newPathRequest("/health"), &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bb.handler.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkServer is the same over loopback, with all that net/http does around it.
func BenchmarkServer(b *testing.B) {
	h := newWorld(evaluator.Healthy).handler(b)
	answer := &h.view.Load().fresh[detailFull][pathHealth]
	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{{"handler", h}, {"bare", bare(answer.code, answer.body)}} {
		b.Run(bb.name, func(b *testing.B) {
			srv := httptest.NewServer(bb.handler)
			defer srv.Close()
			b.ReportAllocs()
			for b.Loop() {
				res, err := srv.Client().Get(srv.URL + "/health")
				if err != nil {
					b.Fatal(err)
				}
				res.Body.Close()
			}
		})
	}
}

// BenchmarkPublish renders all health answers, fresh and stalled: the price of an evaluation.
func BenchmarkPublish(b *testing.B) {
	w := newWorld(evaluator.Healthy)
	h := w.handler(b)
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(w.Snapshot())
	}
}

// TestHealthAllocations holds what BenchmarkHealth shows: no allocation, on every health path, in either form.
func TestHealthAllocations(t *testing.T) {
	world := newWorld(evaluator.Healthy)
	h := world.handler(t)
	stalled := snapshotOf(evaluator.Healthy, time.Now().UTC())
	stalled.StallTimeout = time.Nanosecond
	for _, s := range []*evaluator.Snapshot{world.Snapshot(), stalled} {
		h.Publish(s)
		for _, path := range jsonPaths[:4] {
			r, w := newPathRequest(path), &discard{header: http.Header{}}
			if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got != 0 {
				t.Errorf("GET %s: %v allocations, want none", path, got)
			}
		}
	}
}
