package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/prometheus/prometheus/template"

	"chorus/rules/expr"
	"chorus/rules/spelling"
)

// templateVariables are the names that Prometheus gives to templates of alerts.
const templateVariables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// builtins are the functions that every Go template has.
func builtins() []string {
	return []string{
		"and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf", "println", "urlquery",
		"eq", "ge", "gt", "le", "lt", "ne",
	}
}

// templateFunctions are the names of all functions that a template may call.
func templateFunctions() map[string]any {
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

// templated is a text of an alert with a template in it.
type templated struct {
	broken  bool     // not even a template
	faults  []string // what is wrong, with the fix
	queries []string // what it queries, as far as that is known
}

// parseTemplate takes a text apart and tries it out.
func (l *loader) parseTemplate(text string) *templated {
	if t := l.templates[text]; t != nil {
		return t
	}
	t := &templated{}
	l.templates[text] = t
	trees, err := parse.Parse("", templateVariables+text, "", "", l.functions)
	if err != nil {
		t.broken, t.faults = true, []string{syntaxFault(err, l.functions)}
		return t
	}
	constant := constantQueries(trees)
	tried := try(text, trees)
	t.faults = append(t.faults, tried.faults...)
	for _, q := range slices.Concat(constant, tried.same) {
		if fault := l.queryFault(q); fault != "" && !slices.Contains(t.faults, fault) {
			t.faults = append(t.faults, fault)
		}
	}
	t.queries = slices.Concat(constant, tried.same, tried.other)
	return t
}

// queryFault is what is wrong with a query that is the same for every alert.
func (l *loader) queryFault(q string) string {
	e, err := l.parser.ParseExpr(q)
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
