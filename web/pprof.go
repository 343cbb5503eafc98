package web

import (
	"net/http"
	"net/http/pprof"
	"strings"
)

const pprofPrefix = "/debug/pprof/"

// servePprof serves the profiles by name. Importing net/http/pprof also fills the default mux, which nothing serves.
func servePprof(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, pprofPrefix) {
	case "cmdline":
		pprof.Cmdline(w, r)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r) // also serves the profiles of package runtime/pprof
	}
}
