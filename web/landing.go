package web

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"chorus/evaluator"
)

//go:embed landing.html
var landingHTML string

//go:embed style.css
var styleCSS []byte

// contentSecurityPolicy lets the page load its own style sheet and nothing else: there is no script to run.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'"

// landingTemplate escapes whatever it is given: messages come from rules, probes and, through them, from the network.
var landingTemplate = template.Must(template.New("landing").Parse(landingHTML))

// landing is what the page shows.
type landing struct {
	Status          evaluator.Status
	Message         string
	NodeID, Version string
	Since, Updated  string
	Checks          []landingCheck // worst first
	Links           []link
}

type landingCheck struct {
	Name, Path, Component, Message string
	Error                          string // where the message does not say it
	Runbook                        string // of its worst alert
	State                          evaluator.State
	Critical                       bool
}

type link struct{ Path, Text string }

func (h *Handler) serveLanding(w http.ResponseWriter, r *http.Request) {
	v := h.view.Load()
	rep := h.report(v, v.snapshot.Stalled(time.Now()))
	page := landing{
		Status: rep.status, Message: rep.message, NodeID: rep.nodeID, Version: rep.version,
		Since: clock(rep.since), Updated: clock(rep.updated), Links: h.links(),
	}
	entries := slices.Clone(rep.entries)
	slices.SortStableFunc(entries, worstFirst)
	for _, e := range entries {
		page.Checks = append(page.Checks, newLandingCheck(e))
	}
	var buf bytes.Buffer
	if err := landingTemplate.Execute(&buf, page); err != nil {
		fail(w, r, http.StatusInternalServerError, "the page can't be rendered")
		return
	}
	writeHTML(w, r, http.StatusOK, buf.Bytes())
}

// writeHTML answers with a page that may load the style sheet and nothing else.
func writeHTML(w http.ResponseWriter, r *http.Request, code int, body []byte) {
	w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	write(w, r, code, "text/html; charset=utf-8", body)
}

func newLandingCheck(e entry) landingCheck {
	c := landingCheck{
		Name: e.name, Path: checkPrefix[1:] + url.PathEscape(e.name), Component: e.Component,
		Message: e.Message, Error: e.Error, State: e.State, Critical: e.Critical,
	}
	if c.Error == c.Message {
		c.Error = ""
	}
	for _, a := range e.Alerts {
		if a.RunbookURL != "" {
			c.Runbook = strings.TrimPrefix(a.RunbookURL, "/") // relative, as all links of the page
			break
		}
	}
	return c
}

// links are relative, so that the page works behind a proxy that adds a prefix.
func (h *Handler) links() []link {
	links := []link{
		{"health", "verdict"},
		{"health/ready", "readiness"},
		{"health/live", "liveness"},
		{"health/checks", "checks"},
		{"health/summary", "summary"},
		{h.opts.TelemetryPath[1:], "metrics"},
	}
	if h.opts.Shutdown != nil {
		links = append(links, link{shutdownPath[1:], "shutdown"})
	}
	if len(h.opts.Runbooks) > 0 {
		links = append(links, link{runbookPrefix[1:], "runbooks"})
	}
	if h.opts.Config != nil {
		links = append(links, link{"config", "configuration"})
	}
	if h.opts.EnablePprof {
		links = append(links, link{pprofPrefix[1:], "profiles"})
	}
	return links
}

// stateRank orders states from worst to harmless; one that is not listed is as bad as unknown.
var stateRank = map[evaluator.State]int{
	evaluator.StateFiring: 1, evaluator.StatePending: 2, evaluator.StateOK: 3, evaluator.StateDisabled: 4,
}

// worstFirst puts failing checks first, critical ones before the others, then orders by state.
func worstFirst(a, b entry) int {
	return cmp.Or(
		falseFirst(a.Healthy, b.Healthy),
		cmp.Compare(stateRank[a.State], stateRank[b.State]),
		falseFirst(!a.Critical, !b.Critical),
	)
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// clock is t for people, empty when there is none yet.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	write(w, r, http.StatusOK, "text/css; charset=utf-8", styleCSS)
}
