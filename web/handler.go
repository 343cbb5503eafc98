// Package web serves what the evaluator concluded: the health answers in JSON, the metrics, a page for people and the
// few levers. Health answers are rendered once per evaluation, so that a request for one costs a clock reading and a
// write; everything else is rendered on request from the same immutable snapshot.
package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
)

// DefaultMaxMetricsRequests is how many scrapes are answered at once when Options say nothing, as in node_exporter.
const DefaultMaxMetricsRequests = 40

// Options configure a Handler. Evaluator and Gatherers are required.
type Options struct {
	Evaluator  Verdicts
	Probes     Probes                // nil: no check is a probe
	Gatherers  prometheus.Gatherers  // what /metrics shows: the measured registry, then the derived one
	Registerer prometheus.Registerer // where promhttp's own metrics go; nil: nowhere

	NodeID, Version string
	StartTime       time.Time // of the process; default: when New is called

	TelemetryPath      string // default /metrics
	MaxMetricsRequests int    // more scrapes at once than this are answered 503; default DefaultMaxMetricsRequests

	Runbooks []Runbook // pages at /runbooks/, the index first; none: no such pages

	Shutdown     Shutdown      // nil: nothing is told of a stop, and /health/shutdown is 404
	ShutdownMode func() string // what happens when a rule asks for one; may be nil

	EnableLifecycle bool                        // serve POST /-/reload; else it answers 403
	Reload          func(context.Context) error // all or nothing; it leaves logging its error to the handler
	Config          func() []byte               // the configuration in force as YAML, secrets redacted; nil: /config is 404
	EnablePprof     bool                        // serve /debug/pprof/

	Logger log.Logger // for what was refused or failed; default: none
}

// Handler answers every path of the exporter. All methods are safe for concurrent use.
type Handler struct {
	opts   Options
	routes map[string]route
	view   atomic.Pointer[view]
	reload chan struct{} // holds a token while a reload runs

	mu       sync.Mutex           // guards Publish
	disabled map[string]time.Time // disabled checks, since when; guarded by mu
}

// New checks the options, renders the evaluator's present snapshot and returns a Handler. It starts nothing. From then
// on Publish tells it of each new snapshot.
func New(o Options) (*Handler, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("web options: %w", err)
	}
	h := &Handler{opts: o, reload: make(chan struct{}, 1)}
	if err := h.route(); err != nil {
		return nil, fmt.Errorf("web options: %w", err)
	}
	h.Publish(o.Evaluator.Snapshot())
	return h, nil
}

// check refuses what is missing and fills in the defaults.
func (o *Options) check() error {
	switch {
	case o.Evaluator == nil:
		return errors.New("Evaluator is required")
	case len(o.Gatherers) == 0:
		return errors.New("Gatherers are required")
	case o.EnableLifecycle && o.Reload == nil:
		return errors.New("Reload is required when EnableLifecycle is set")
	case o.MaxMetricsRequests < 0:
		return errors.New("MaxMetricsRequests must not be negative")
	}
	if o.Probes == nil {
		o.Probes = noProbes{}
	}
	if o.StartTime.IsZero() {
		o.StartTime = time.Now()
	}
	if o.TelemetryPath == "" {
		o.TelemetryPath = "/metrics"
	}
	if o.MaxMetricsRequests == 0 {
		o.MaxMetricsRequests = DefaultMaxMetricsRequests
	}
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	return nil
}

// Publish renders the health answers of s and serves them from then on. It is to be called after each evaluation and
// when shutdown begins. A snapshot older than the one in place is ignored, and so is one that would take back stopping.
func (h *Handler) Publish(s *evaluator.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.view.Load(); v != nil && v.outranks(s) {
		return
	}
	h.view.Store(h.render(s, time.Now()))
}

// Refresh renders the health answers again from the snapshot in place. It is to be called when a stop moves on.
func (h *Handler) Refresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view.Store(h.render(h.view.Load().snapshot, time.Now()))
}

// ServeHTTP answers the request. No answer is a redirect.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p, ok := healthPathOf(r.URL.Path); ok {
		h.serveHealth(w, r, p, detailFull)
		return
	}
	rt, ok := h.routes[r.URL.Path]
	if !ok {
		rt, ok = h.prefixRoute(r.URL.Path)
	}
	switch {
	case !ok:
		fail(w, r, http.StatusNotFound, "no such page")
	case !rt.allows(r.Method):
		notAllowed(w, r, rt.allow)
	default:
		rt.serve(w, r)
	}
}

// route is one path outside the health paths, or all paths under a prefix.
type route struct {
	allow string // the methods, as the header Allow has them
	serve http.HandlerFunc
}

const (
	allowRead   = "GET, HEAD"
	allowReload = "POST, PUT"
)

func (rt route) allows(method string) bool {
	for m := range strings.SplitSeq(rt.allow, ", ") {
		if m == method {
			return true
		}
	}
	return false
}

// route lists every path but the health paths and the prefixes.
func (h *Handler) route() error {
	h.routes = map[string]route{
		"/":               {allowRead, h.serveLanding},
		"/style.css":      {allowRead, serveStyle},
		"/-/healthy":      {allowRead, serveHealthy},
		"/-/ready":        {allowRead, h.serveReady},
		"/-/reload":       {allowReload, h.serveReload},
		"/health/summary": {allowRead, h.serveSummary},
	}
	if h.opts.Shutdown != nil {
		h.routes[shutdownPath] = route{allowRead, h.serveShutdown}
	}
	if len(h.opts.Runbooks) > 0 {
		h.routes[strings.TrimSuffix(runbookPrefix, "/")] = route{allowRead, h.serveRunbook}
	}
	if h.opts.Config != nil {
		h.routes["/config"] = route{allowRead, h.serveConfig}
	}
	path := h.opts.TelemetryPath
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("TelemetryPath %q must begin with a slash", path)
	}
	_, taken := h.routes[path]
	_, health := healthPathOf(path)
	_, under := h.prefixRoute(path)
	if path != "/" && (taken || health || under) {
		return fmt.Errorf("TelemetryPath %q is the path of another page; choose another", path)
	}
	metrics, err := h.metricsHandler()
	if err != nil {
		return err
	}
	h.routes[path] = route{allowRead, metrics.ServeHTTP}
	return nil
}

// prefixRoute finds the route of a path that has a variable end.
func (h *Handler) prefixRoute(path string) (route, bool) {
	switch {
	case strings.HasPrefix(path, checkPrefix):
		return route{allowRead, h.serveCheck}, true
	case len(h.opts.Runbooks) > 0 && strings.HasPrefix(path, runbookPrefix):
		return route{allowRead, h.serveRunbook}, true
	case h.opts.EnablePprof && strings.HasPrefix(path, pprofPrefix):
		return route{allowRead + ", POST", servePprof}, true
	}
	return route{}, false
}
