package web

import (
	"strings"
	"testing"
	"testing/synctest"

	"chorus/evaluator"
	"chorus/probes"
)

// TestLandingEscapes holds that nothing a rule, a probe or a peer says becomes markup.
func TestLandingEscapes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const evil = `"'><script>alert(1)</script>`
		w := newWorld(evaluator.Healthy)
		s := *w.Snapshot()
		s.Message = evil
		s.Checks = []evaluator.Check{{Name: evil, Component: evil, Message: evil, Kind: "rule", State: evil}}
		w.specs = []probes.Spec{{Name: "off" + evil, Disabled: true}}
		w.snapshot.Store(&s)
		res := ask(w.handler(t, func(o *Options) { o.NodeID, o.Version = evil, evil }), "GET", "/")
		text := body(t, res)
		if strings.Contains(text, "<script") || strings.Contains(text, `"'>`) {
			t.Errorf("markup went through:\n%s", text)
		}
		csp := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("Content-Security-Policy %q", csp)
		}
		for _, inline := range []string{"<style", " style=", "javascript:", " on"} {
			if strings.Contains(landingHTML, inline) {
				t.Errorf("the page has %q, which its policy forbids", inline)
			}
		}
	})
}

// TestLandingLinks follows every link of the page: each leads somewhere, check names with odd characters included.
func TestLandingLinks(t *testing.T) {
	w := newWorld(evaluator.Healthy)
	s := *w.Snapshot()
	for _, name := range []string{"a b", "a/b", "100%", "q?x=1", "#1", "ümlaut"} {
		s.Checks = append(s.Checks, evaluator.Check{Name: name, Kind: "rule", State: evaluator.StateOK, Healthy: true})
	}
	w.snapshot.Store(&s)
	h := w.handler(t)
	links := 0
	for _, part := range strings.Split(body(t, ask(h, "GET", "/")), `href="`)[1:] {
		path, _, _ := strings.Cut(part, `"`)
		links++
		if got := ask(h, "GET", "/"+path).StatusCode; got != 200 {
			t.Errorf("GET /%s: got %d, want 200", path, got)
		}
	}
	if links < 15 {
		t.Errorf("%d links, want the style sheet, every answer and every check", links)
	}
}
