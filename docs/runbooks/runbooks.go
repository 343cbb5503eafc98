// Package runbooks holds the pages that say what an alert means and what to do, as HTML. The exporter serves them, so that
// an alert's runbook is at hand where nothing but the exporter can be reached.
package runbooks

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed *.md
var embedded embed.FS

// index is the page that lists the others.
const index = "README"

// Page is a page in HTML.
type Page struct {
	Name  string // of the alert; empty for the index
	Title string
	Body  template.HTML // what stands in <main>, without scripts and styles
}

// Pages returns all pages, the index first, then by name.
func Pages() ([]Page, error) { return pages(embedded) }

func pages(files fs.FS) ([]Page, error) {
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil, fmt.Errorf("list runbooks: %w", err)
	}
	known := map[string]bool{}
	for _, file := range names {
		known[strings.TrimSuffix(file, ".md")] = true
	}
	var out []Page
	for _, file := range names {
		source, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, fmt.Errorf("read runbook %s: %w", file, err)
		}
		page, err := render(source, known)
		if err != nil {
			return nil, fmt.Errorf("render runbook %s: %w", file, err)
		}
		if page.Name = strings.TrimSuffix(file, ".md"); page.Name == index {
			page.Name = ""
			out = append([]Page{page}, out...)
			continue
		}
		out = append(out, page)
	}
	return out, nil
}

// render makes HTML of Markdown. HTML in it is left out.
func render(source []byte, known map[string]bool) (Page, error) {
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone))),
		goldmark.WithParserOptions(
			parser.WithAutoHeadingID(),
			parser.WithASTTransformers(util.Prioritized(links{known}, 100)),
		),
	)
	doc := markdown.Parser().Parse(text.NewReader(source))
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, source, doc); err != nil {
		return Page{}, err
	}
	return Page{Title: title(doc, source), Body: template.HTML(body.String())}, nil //nolint:gosec // of our own files
}

// title returns the text of the first heading.
func title(doc ast.Node, source []byte) string {
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			return string(h.Lines().Value(source))
		}
	}
	return ""
}

// links makes the links of a page lead to where the exporter serves the pages.
type links struct{ known map[string]bool }

// Transform implements parser.ASTTransformer.
func (l links) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var found []*ast.Link
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering {
			found = append(found, link)
		}
		return ast.WalkContinue, nil // the walk itself never fails
	})
	for _, link := range found {
		l.rewrite(link, reader.Source())
	}
}

// rewrite changes a link to another page. A link to what is not served becomes its text and the path of the file.
func (l links) rewrite(link *ast.Link, source []byte) {
	target := string(link.Destination)
	if strings.HasPrefix(target, "#") || strings.Contains(target, "://") {
		return
	}
	file, fragment, _ := strings.Cut(target, "#")
	if name, isPage := strings.CutSuffix(file, ".md"); isPage && l.known[name] {
		if name == index {
			name = ""
		}
		if target = "../runbooks/" + name; fragment != "" { // right with and without a slash at the end of the address
			target += "#" + fragment
		}
		link.Destination = []byte(target)
		return
	}
	parent, path := link.Parent(), inRepository(file)
	first, ok := link.FirstChild().(*ast.Text)
	if !ok || !strings.HasSuffix(path, strings.TrimSuffix(string(first.Value(source)), "/")) {
		for n := link.FirstChild(); n != nil; n = link.FirstChild() {
			parent.InsertBefore(parent, link, n)
		}
		path = " (" + path + ")"
	}
	parent.InsertBefore(parent, link, ast.NewString([]byte(path)))
	parent.RemoveChild(parent, link)
}

// inRepository returns the path of a file that a page names, from the root of the repository.
func inRepository(file string) string {
	if rest, ok := strings.CutPrefix(file, "../../"); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(file, "../"); ok {
		return "docs/" + rest
	}
	return "docs/runbooks/" + file
}
