package web

import (
	"net/http"
	"strconv"
	"time"

	"chorus/evaluator"
)

// healthPath is one of the four paths that are served from bytes rendered beforehand.
type healthPath int

const (
	pathHealth healthPath = iota
	pathReady
	pathLive
	pathChecks
	healthPaths // how many there are
)

func healthPathOf(path string) (healthPath, bool) {
	switch path {
	case "/health":
		return pathHealth, true
	case "/health/ready":
		return pathReady, true
	case "/health/live":
		return pathLive, true
	case "/health/checks":
		return pathChecks, true
	}
	return 0, false
}

// detail is how much the health paths tell.
type detail int

const (
	detailFull   detail = iota // everything
	detailStatus               // the status alone
	details                    // how many there are
)

// answer is one health answer, ready to be written.
type answer struct {
	code   int
	body   []byte
	length []string // the body's, as header value
}

// answers hold one answer per health path.
type answers [healthPaths]answer

func newAnswer(code int, body []byte) answer {
	return answer{code: code, body: body, length: []string{strconv.Itoa(len(body))}}
}

// Header values shared by all answers, so that a request allocates none. Nobody may write into them; their capacity of
// one makes an Add copy them.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	nosniff  = []string{"nosniff"}
)

// view is a snapshot with everything rendered from it. But for the lazily rendered pages it is immutable.
type view struct {
	snapshot *evaluator.Snapshot
	entries  []entry // sorted by name, disabled checks included
	rendered time.Time

	fresh, stalled [details]answers
	pages          pages
}

// outranks says whether v stays in place when s is offered: an evaluation under way when shutdown began, say, must not
// take back what Stopping has said.
func (v *view) outranks(s *evaluator.Snapshot) bool {
	if v.snapshot.Status == evaluator.Stopping && s.Status != evaluator.Stopping {
		return true
	}
	return s.Finished.Before(v.snapshot.Finished)
}

// serveHealth is the hot path: one atomic load, one clock reading, one write. It gathers, locks and evaluates nothing.
func (h *Handler) serveHealth(w http.ResponseWriter, r *http.Request, p healthPath, d detail) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		notAllowed(w, r, allowRead)
		return
	}
	v := h.view.Load()
	a := &v.fresh[d][p]
	if v.snapshot.Stalled(time.Now()) {
		a = &v.stalled[d][p]
	}
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = a.length
	header["Cache-Control"] = noStore
	header["X-Content-Type-Options"] = nosniff
	w.WriteHeader(a.code)
	if r.Method == http.MethodGet {
		w.Write(a.body) // an error means that the client has gone: nobody is left to tell
	}
}

// Serving says whether /health/live and /health/ready answer 200 at this moment, for whoever tells it by other means.
func (h *Handler) Serving() (live, ready bool) {
	v := h.view.Load()
	a := &v.fresh[detailStatus]
	if v.snapshot.Stalled(time.Now()) {
		a = &v.stalled[detailStatus]
	}
	return a[pathLive].code == http.StatusOK, a[pathReady].code == http.StatusOK
}

// HealthOnly is a handler for a listener without authentication, such as a kubelet needs: it serves the four health
// paths and nothing else. With statusOnly their bodies tell the status and no more; the codes are the same.
func (h *Handler) HealthOnly(statusOnly bool) http.Handler {
	d := detailFull
	if statusOnly {
		d = detailStatus
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := healthPathOf(r.URL.Path)
		if !ok {
			fail(w, r, http.StatusNotFound, "no such page")
			return
		}
		h.serveHealth(w, r, p, d)
	})
}
