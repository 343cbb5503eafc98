package web

import (
	"encoding/json"
	"net/http"
	"time"

	"chorus/evaluator"
)

// render joins s with the newest outcome of each probe and renders the health answers together with their stalled twin:
// what is served once no evaluation has finished for the stall timeout. The caller holds h.mu.
func (h *Handler) render(s *evaluator.Snapshot, now time.Time) *view {
	v := &view{snapshot: s, entries: h.join(s), rendered: now}
	fresh := h.report(v, false)
	stalled := h.report(v, true)
	v.fresh = [details]answers{fresh.full(), fresh.brief()}
	v.stalled = [details]answers{stalled.full(), stalled.brief()}
	return v
}

// report is a verdict as it is told: the snapshot's, or the one that takes its place while the evaluator is stalled.
type report struct {
	status  evaluator.Status
	since   time.Time
	message string
	entries []entry
	live    bool

	updated, rendered, started time.Time
	version, nodeID            string
	shutdown                   *shutdownJSON
}

// report tells v. A stalled evaluator knows nothing any more, and no data is never health: the status is unhealthy and
// every check is unknown. Only the status stopping stays what it is: it comes first of all.
func (h *Handler) report(v *view, stalled bool) report {
	s := v.snapshot
	r := report{
		status: s.Status, since: s.Since, message: s.Message, entries: v.entries, live: s.Status != evaluator.Stopping,
		updated: s.Time, rendered: v.rendered, started: h.opts.StartTime,
		version: h.opts.Version, nodeID: h.opts.NodeID, shutdown: h.shutdown(),
	}
	if !stalled {
		return r
	}
	since := s.Finished.Add(s.StallTimeout)
	r.entries = make([]entry, len(v.entries))
	for i, e := range v.entries {
		r.entries[i] = e.unknownSince(since)
	}
	if s.Status != evaluator.Stopping {
		r.status, r.since, r.live = evaluator.Unhealthy, since, false
		r.message = "Evaluator stalled: no evaluation has finished for " + s.StallTimeout.String()
	}
	return r
}

func (r report) ready() bool {
	return r.status == evaluator.Healthy || r.status == evaluator.Degraded
}

func (r report) uptime() time.Duration { return r.rendered.Sub(r.started) }

// full renders the answers with everything there is to tell.
func (r report) full() answers {
	enabled := make(map[string]json.RawMessage, len(r.entries))
	all := make(map[string]json.RawMessage, len(r.entries))
	for _, e := range r.entries {
		raw := json.RawMessage(encode(e))
		all[e.name] = raw
		if e.Enabled {
			enabled[e.name] = raw
		}
	}
	return r.answers(
		healthJSON{
			Status: r.status, Message: r.message, Checks: enabled,
			Uptime: r.uptime(), StartTime: instant(r.started), LastUpdate: instant(r.updated),
			Version: r.version, NodeID: r.nodeID, Shutdown: r.shutdown,
		},
		readyJSON{Ready: r.ready(), Status: r.status, Message: r.message},
		r.liveJSON(),
		checksJSON{Checks: all, Total: len(all), Timestamp: instant(r.rendered)},
	)
}

// brief renders the answers that tell the status and no more.
func (r report) brief() answers {
	type status struct {
		Status evaluator.Status `json:"status"`
	}
	type ready struct {
		Ready bool `json:"ready"`
		status
	}
	type live struct {
		Live bool `json:"live"`
		status
	}
	type checks struct {
		Total int `json:"total"`
	}
	st := status{r.status}
	return r.answers(st, ready{r.ready(), st}, live{r.live, st}, checks{len(r.entries)})
}

// answers gives the bodies their codes.
func (r report) answers(health, ready, live, checks any) (a answers) {
	readyCode, liveCode := http.StatusServiceUnavailable, http.StatusServiceUnavailable
	if r.ready() {
		readyCode = http.StatusOK
	}
	if r.live {
		liveCode = http.StatusOK
	}
	a[pathHealth] = newAnswer(readyCode, encode(health))
	a[pathReady] = newAnswer(readyCode, encode(ready))
	a[pathLive] = newAnswer(liveCode, encode(live))
	a[pathChecks] = newAnswer(http.StatusOK, encode(checks))
	return a
}

// healthJSON is the answer to /health. Uptime is in nanoseconds and, like all times, that of the rendering.
type healthJSON struct {
	Status     evaluator.Status           `json:"status"`
	Message    string                     `json:"message"`
	Checks     map[string]json.RawMessage `json:"checks"`
	Uptime     time.Duration              `json:"uptime"`
	StartTime  instant                    `json:"start_time"`
	LastUpdate instant                    `json:"last_update"`
	Version    string                     `json:"version"`
	NodeID     string                     `json:"node_id"`
	Shutdown   *shutdownJSON              `json:"shutdown,omitempty"`
}

// readyJSON is the answer to /health/ready.
type readyJSON struct {
	Ready   bool             `json:"ready"`
	Status  evaluator.Status `json:"status"`
	Message string           `json:"message"`
}

// liveJSON is the answer to /health/live. Uptime is for people, in whole seconds; Message says why it is not live.
type liveJSON struct {
	Live    bool             `json:"live"`
	Status  evaluator.Status `json:"status"`
	Uptime  string           `json:"uptime"`
	Message string           `json:"message,omitempty"`
}

func (r report) liveJSON() liveJSON {
	l := liveJSON{Live: r.live, Status: r.status, Uptime: r.uptime().Truncate(time.Second).String()}
	if !r.live {
		l.Message = r.message
	}
	return l
}

// checksJSON is the answer to /health/checks.
type checksJSON struct {
	Checks    map[string]json.RawMessage `json:"checks"`
	Total     int                        `json:"total"`
	Timestamp instant                    `json:"timestamp"`
}
