package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"chorus/evaluator"
	"chorus/probes"
)

// checkPrefix is followed by the name of a check.
const checkPrefix = "/health/checks/"

// maxRecent is how many results /health/checks/NAME shows; the history may hold more.
const maxRecent = 100

// stateStarting is the state of a past result that was a quick try of an unproven probe.
const stateStarting evaluator.State = "starting"

// recentJSON is one past result of a check. Reason, Error, Details and ConsecutiveFailures are known of probes, State of
// rule checks and of tries.
type recentJSON struct {
	Healthy             bool                       `json:"healthy"`
	Message             string                     `json:"message"`
	Details             map[string]json.RawMessage `json:"details,omitempty"`
	Latency             time.Duration              `json:"latency"`
	Timestamp           instant                    `json:"timestamp"`
	State               evaluator.State            `json:"state,omitempty"`
	Error               string                     `json:"error,omitempty"`
	Reason              string                     `json:"reason,omitempty"`
	ConsecutiveFailures int                        `json:"consecutive_failures,omitempty"`
}

// serveCheck answers one check with its recent results.
func (h *Handler) serveCheck(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, checkPrefix)
	v := h.view.Load()
	stalled := v.snapshot.Stalled(time.Now())
	rep := h.report(v, stalled)
	for _, e := range rep.entries {
		if e.name == name {
			key := page{path: r.URL.Path, stalled: stalled}
			writeJSON(w, r, http.StatusOK, v.pages.get(key, func() []byte { return h.encodeCheck(e, v.snapshot) }))
			return
		}
	}
	fail(w, r, http.StatusNotFound, "no check of this name, /health/checks lists them")
}

func (h *Handler) encodeCheck(e entry, s *evaluator.Snapshot) []byte {
	return encode(struct {
		Name string `json:"name"`
		entry
		Recent []recentJSON `json:"recent"`
	}{e.name, e, h.recent(e, s)})
}

// recent are the newest results of a check, of a probe those that s knows of, newest first.
func (h *Handler) recent(e entry, s *evaluator.Snapshot) []recentJSON {
	out := []recentJSON{}
	switch {
	case !e.Enabled: // what ran before it was switched off is gone with its series
	case e.Kind == kindProbe:
		for o := range h.opts.Probes.Results(e.name) {
			if len(out) == maxRecent {
				break
			}
			if !o.Finished.After(judged(s)) {
				out = append(out, recentRun(o))
			}
		}
	default:
		for o := range h.opts.Evaluator.Results(e.name) {
			if len(out) == maxRecent {
				break
			}
			out = append(out, recentJSON{
				Healthy: o.Healthy, Message: o.Message, Latency: o.Latency, Timestamp: instant(o.Time), State: o.State,
			})
		}
	}
	return out
}

func recentRun(o probes.Outcome) recentJSON {
	r := recentJSON{
		Healthy: o.Healthy(), Message: runMessage(o), Details: measured(o.Result.Details, nil),
		Latency: o.Duration(), Timestamp: instant(o.Finished), ConsecutiveFailures: o.ConsecutiveFailures,
	}
	if !o.Healthy() {
		r.Error, r.Reason = o.Err.Error(), string(o.Reason)
	}
	if o.Starting {
		r.State = stateStarting
	}
	return r
}

// maxPages bounds how many pages of one snapshot are kept; what is over it is rendered each time.
const maxPages = 64

// page names a page rendered on request.
type page struct {
	path    string
	stalled bool
}

// pages keeps what was rendered on request for as long as its snapshot is served.
type pages struct {
	mu       sync.Mutex
	rendered map[page][]byte // guarded by mu
}

// get returns the page, rendering it the first time. It renders without the lock: two requests at once may both do it,
// but none waits for another.
func (p *pages) get(key page, render func() []byte) []byte {
	p.mu.Lock()
	body, ok := p.rendered[key]
	p.mu.Unlock()
	if ok {
		return body
	}
	body = render()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rendered == nil {
		p.rendered = make(map[page][]byte)
	}
	if len(p.rendered) < maxPages {
		p.rendered[key] = body
	}
	return body
}
