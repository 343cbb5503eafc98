package web

import (
	"net/http"
	"strconv"
	"strings"
)

// fail answers an error: as JSON under /health, where programs ask, else as text. The text names what is wrong and
// never repeats the request.
func fail(w http.ResponseWriter, r *http.Request, code int, text string) {
	if r.URL.Path == "/health" || strings.HasPrefix(r.URL.Path, "/health/") {
		writeJSON(w, r, code, encode(struct {
			Error string `json:"error"`
		}{text}))
		return
	}
	writeText(w, r, code, text)
}

// notAllowed answers 405; allow lists what would be allowed.
func notAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	fail(w, r, http.StatusMethodNotAllowed, "method not allowed, use one of "+allow)
}

func writeJSON(w http.ResponseWriter, r *http.Request, code int, body []byte) {
	write(w, r, code, "application/json", body)
}

func writeText(w http.ResponseWriter, r *http.Request, code int, text string) {
	write(w, r, code, "text/plain; charset=utf-8", []byte(text+"\n"))
}

// write answers with body. Nothing here may be cached: it is old with the next evaluation.
func write(w http.ResponseWriter, r *http.Request, code int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		w.Write(body) // an error means that the client has gone: nobody is left to tell
	}
}
