package serve

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// refusalLog logs requests without the right password. exporter-toolkit answers those before our handler sees them, and
// says nothing; so this stands around its handler, which it puts in place before it begins to accept.
type refusalLog struct {
	next   http.Handler
	logger *slog.Logger // of what strangers can cause
}

// ServeHTTP implements http.Handler.
func (h refusalLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	noted := &codeWriter{ResponseWriter: w}
	h.next.ServeHTTP(noted, r)
	if noted.code != http.StatusUnauthorized {
		return
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil { // not TCP
		host = r.RemoteAddr
	}
	h.logger.Warn(fmt.Sprintf("Wrong or no password from %s: refused", host))
}

// codeWriter keeps the code of an answer. Nothing of ours answers 401.
type codeWriter struct {
	http.ResponseWriter
	code int // 0 until the header is written, if by WriteHeader
}

// WriteHeader implements http.ResponseWriter.
func (w *codeWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController find what the writer below can do.
func (w *codeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
