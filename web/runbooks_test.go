package web

import (
	"strings"
	"testing"

	"chorus/evaluator"
)

// TestRunbooks asks for pages, the index and what does not exist.
func TestRunbooks(t *testing.T) {
	w := newWorld(evaluator.Healthy)
	h := w.handler(t, func(o *Options) {
		o.Version = "v1"
		o.Runbooks = []Runbook{
			{Title: "Runbooks", Body: "<p>all</p>"}, {Name: "A", Title: "A & B", Body: "<h1>A</h1>"}, {Name: "C", Title: "C", Body: "<h1>C</h1>"},
		}
	})
	list := []string{`<li><a href="../runbooks/A">A</a></li>`, `<li><a href="../runbooks/C">C</a></li>`}
	for _, tt := range []struct {
		path string
		code int
		want []string
	}{
		{"/runbooks/", 200, []string{"<p>all</p>"}},
		{"/runbooks", 200, []string{"<p>all</p>"}},
		{"/runbooks/A", 200, []string{"<h1>A</h1>", "<title>A &amp; B</title>", "chorus_exporter v1"}},
		{"/runbooks/C.md", 200, []string{"<h1>C</h1>"}},
		{"/runbooks/a", 404, list},
		{"/runbooks/%3Cscript%3E", 404, list},
		{"/runbooks/A/", 404, []string{"no such page"}},
		{"/runbooks/../config", 404, []string{"no such page"}},
		{"/runbooks//A", 404, []string{"no such page"}},
		{"/runbooksA", 404, []string{"no such page"}},
	} {
		t.Run(tt.path, func(t *testing.T) {
			res := ask(h, "GET", tt.path)
			text := body(t, res)
			if res.StatusCode != tt.code || strings.Contains(text, "script") {
				t.Errorf("got %d %s, want %d", res.StatusCode, text, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			if csp := res.Header.Get("Content-Security-Policy"); strings.Contains(text, "<html") && csp != contentSecurityPolicy {
				t.Errorf("Content-Security-Policy %q", csp)
			}
		})
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if res := ask(h, method, "/runbooks/A"); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got %d, Allow %q", method, res.StatusCode, res.Header.Get("Allow"))
		}
	}
	if res := ask(h, "HEAD", "/runbooks/A"); res.StatusCode != 200 || body(t, res) != "" {
		t.Errorf("HEAD: got %d and a body", res.StatusCode)
	}
	if res := ask(w.handler(t), "GET", "/runbooks/"); res.StatusCode != 404 {
		t.Errorf("without pages: got %d, want 404", res.StatusCode)
	}
}

// TestRunbookLinks holds that the landing page leads to the runbooks.
func TestRunbookLinks(t *testing.T) {
	h := newWorld(evaluator.Healthy).handler(t, func(o *Options) { o.Runbooks = []Runbook{{Title: "Runbooks", Body: "all"}} })
	if text := body(t, ask(h, "GET", "/")); !strings.Contains(text, `<a href="runbooks/">runbooks</a>`) {
		t.Errorf("no link to the runbooks:\n%s", text)
	}
}
