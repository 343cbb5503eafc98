package web

import (
	"net/http"

	"github.com/go-kit/log/level"
)

// serveHealthy says that the process answers. It is constant; /health/live knows more.
func serveHealthy(w http.ResponseWriter, r *http.Request) {
	writeText(w, r, http.StatusOK, "chorus_exporter is healthy.")
}

// serveReady says whether an evaluation has been complete yet, as Prometheus says whether it has replayed its log.
func (h *Handler) serveReady(w http.ResponseWriter, r *http.Request) {
	if !h.view.Load().snapshot.Complete {
		writeText(w, r, http.StatusServiceUnavailable, "chorus_exporter is not ready: no evaluation was complete yet.")
		return
	}
	writeText(w, r, http.StatusOK, "chorus_exporter is ready.")
}

// serveReload loads configuration and rules again. One reload runs at a time; a request that comes meanwhile waits. A
// browser may not be made to send it by another site.
func (h *Handler) serveReload(w http.ResponseWriter, r *http.Request) {
	if !h.opts.EnableLifecycle {
		fail(w, r, http.StatusForbidden, "Lifecycle requests are not enabled, start with --web.enable-lifecycle.")
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		fail(w, r, http.StatusForbidden, "Lifecycle requests from pages of other origins are refused.")
		return
	}
	select {
	case h.reload <- struct{}{}:
		defer func() { <-h.reload }()
	case <-r.Context().Done():
		return // nobody waits for the answer any more
	}
	if err := h.opts.Reload(r.Context()); err != nil {
		level.Error(h.opts.Logger).Log("msg", "Reload failed; the previous configuration stays in force", "err", err)
		fail(w, r, http.StatusInternalServerError, "Reload failed; the previous configuration stays in force:\n"+err.Error())
		return
	}
	writeText(w, r, http.StatusOK, "Reloaded.")
}

// serveConfig shows the configuration in force. It is sent as plain text so that a browser shows it.
func (h *Handler) serveConfig(w http.ResponseWriter, r *http.Request) {
	write(w, r, http.StatusOK, "text/plain; charset=utf-8", h.opts.Config())
}
