package web

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
)

// runbookPrefix is followed by the name of a runbook; alone it is their index.
const runbookPrefix = "/runbooks/"

// Runbook is a page about an alert.
type Runbook struct {
	Name  string // of the alert; empty for the index
	Title string
	// Body is what stands in <main>. It is served as it is. Links in it start with "../", which is the root of the exporter.
	Body template.HTML
}

//go:embed runbook.html
var runbookHTML string

var runbookTemplate = template.Must(template.New("runbook").Parse(runbookHTML))

// runbookPage is what the template is given. Without a body it lists the names.
type runbookPage struct {
	Title, Version string
	Body           template.HTML
	Names          []string
}

// serveRunbook answers with a runbook or the index, and with a list of all names for one that does not exist. The name
// may end in .md, as in links between the files.
func (h *Handler) serveRunbook(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, strings.TrimSuffix(runbookPrefix, "/")), "/")
	if strings.Contains(name, "/") {
		fail(w, r, http.StatusNotFound, "no such page, "+runbookPrefix+" lists the runbooks")
		return
	}
	name = strings.TrimSuffix(name, ".md")
	code, page := http.StatusNotFound, runbookPage{Title: "No such runbook", Version: h.opts.Version}
	for _, book := range h.opts.Runbooks {
		if book.Name == name {
			code, page.Title, page.Body = http.StatusOK, book.Title, book.Body
			break
		}
		if book.Name != "" {
			page.Names = append(page.Names, book.Name)
		}
	}
	var buf bytes.Buffer
	if err := runbookTemplate.Execute(&buf, page); err != nil {
		fail(w, r, http.StatusInternalServerError, "the page cannot be rendered")
		return
	}
	writeHTML(w, r, code, buf.Bytes())
}
