// Package templates reads the templates in labels and annotations of alerts: whether they can be expanded, what they query
// and which texts they can become.
package templates

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"

	"chorus/rules/expr"
	"chorus/rules/spelling"
)

// variables are the names that Prometheus gives to templates of alerts.
const variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// builtins are the functions that every Go template has.
func builtins() []string {
	return []string{
		"and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf", "println", "urlquery",
		"eq", "ge", "gt", "le", "lt", "ne",
	}
}

// functions are the names of all functions that a template may call.
func functions() map[string]any {
	names := functionNames{}
	template.RegisterFeatures(names)
	for _, name := range builtins() {
		names[name] = true
	}
	return names
}

// functionNames implements features.Collector.
type functionNames map[string]any

func (n functionNames) Enable(_, name string)         { n[name] = true }
func (functionNames) Disable(_, _ string)             {}
func (functionNames) Set(_, _ string, _ bool)         {}
func (functionNames) Get() map[string]map[string]bool { return nil }

// Reader reads templates. It keeps what it has read, since many alerts have the same texts. It is not safe for concurrent
// use.
type Reader struct {
	expressions parser.Parser
	functions   map[string]any // that a template may call
	read        map[string]*Template
}

// NewReader returns a reader that parses the queries in templates with p.
func NewReader(p parser.Parser) *Reader {
	return &Reader{expressions: p, functions: functions(), read: map[string]*Template{}}
}

// Template is a text with a template in it.
type Template struct {
	Faults  []string // what is wrong, with the fix
	Queries []string // what it queries, as far as that is known
	broken  bool     // not even a template
}

// Read takes a text apart and tries it out. The caller must not change the result.
func (r *Reader) Read(text string) *Template {
	if t := r.read[text]; t != nil {
		return t
	}
	t := &Template{}
	r.read[text] = t
	trees, err := r.parse(text)
	if err != nil {
		t.broken, t.Faults = true, []string{syntaxFault(err, r.functions)}
		return t
	}
	constant := constantQueries(trees)
	tried := try(text, trees)
	t.Faults = append(t.Faults, tried.faults...)
	for _, q := range slices.Concat(constant, tried.same) {
		if fault := r.queryFault(q); fault != "" && !slices.Contains(t.Faults, fault) {
			t.Faults = append(t.Faults, fault)
		}
	}
	t.Queries = slices.Concat(constant, tried.same, tried.other)
	return t
}

// parse returns the parts of a text, by the name that they are defined with.
func (r *Reader) parse(text string) (map[string]*parse.Tree, error) {
	return parse.Parse("", variables+text, "", "", r.functions)
}

// queryFault is what is wrong with a query that is the same for every alert.
func (r *Reader) queryFault(q string) string {
	e, err := r.expressions.ParseExpr(q)
	if err != nil {
		return fmt.Sprintf("invalid query %q: %v; fix the expression", q, err)
	}
	if fault := expr.ResultFault(e); fault != "" {
		return fmt.Sprintf("query %q %s", q, fault)
	}
	if fault := expr.TimeFault(e); fault != "" {
		return fmt.Sprintf("query %q: %s", q, fault)
	}
	return ""
}

// syntaxFault says what the parser of templates dislikes: without its place in a line that nobody wrote like that.
func syntaxFault(err error, functions map[string]any) string {
	text := err.Error()
	if m := regexp.MustCompile(`^template: :(\d+): `).FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if m[1] != "1" {
			text = "line " + m[1] + ": " + text
		}
	}
	if m := regexp.MustCompile(`function "(.*)" not defined`).FindStringSubmatch(text); m != nil {
		known := map[string]bool{}
		for name := range maps.Keys(functions) {
			known[name] = true
		}
		return fmt.Sprintf("invalid template: unknown function %q%s", m[1], spelling.DidYouMean("function", m[1], known))
	}
	if strings.Contains(text, "undefined variable") {
		return "invalid template: " + text + "; the variables are $labels, $value, $externalLabels and $externalURL"
	}
	return "invalid template: " + text + "; fix the template, each if, range and with needs its end"
}
