package flow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// call is the flow of a function's result.
func (t *tracer) call(e *parser.Call) Flow {
	switch e.Func.Name {
	case "absent", "absent_over_time":
		return t.absent(e)
	case "label_replace":
		return t.labelReplace(e)
	case "label_join":
		return t.labelJoin(e)
	case "info", "histogram_quantiles": // experimental, and not understood
		f := without()
		for i, name := range tracedLabels() {
			f = f.set(i, present|missing, t.origin(e.Func.Name, name, "leave it out"))
		}
		return f
	}
	if e.Func.ReturnType != parser.ValueTypeVector {
		return without()
	}
	f, vectors := Flow{}, 0
	for _, arg := range e.Args {
		if kind := arg.Type(); kind == parser.ValueTypeVector || kind == parser.ValueTypeMatrix {
			f, vectors = f.or(t.expr(arg)), vectors+1
		}
	}
	if vectors == 0 { // vector(), hour()
		return without()
	}
	return f
}

// absent is the flow of absent() and absent_over_time(): the missing series with the labels that its selector asks for.
func (t *tracer) absent(e *parser.Call) Flow {
	f := without()
	var matchers []*labels.Matcher
	switch s := expr.Bare(e.Args[0]).(type) {
	case *parser.VectorSelector:
		matchers = s.LabelMatchers
	case *parser.MatrixSelector:
		matchers = s.VectorSelector.(*parser.VectorSelector).LabelMatchers
	}
	for i, name := range tracedLabels() {
		if m := copied(matchers, name); m != nil {
			f = f.set(i, present, t.origin(e.String(), name, fmt.Sprintf("remove %s from the selector; "+
				"a metric's own label is renamed exported_%s", m, name)))
		}
	}
	return f
}

// copied is the matcher whose value absent() copies, nil if there is none: the only = matcher of a label, unless one of
// another kind follows it.
func copied(matchers []*labels.Matcher, name string) *labels.Matcher {
	var out *labels.Matcher
	seen := false
	for _, m := range matchers {
		switch {
		case m.Name != name:
		case m.Type == labels.MatchEqual && !seen:
			out, seen = m, true
		default:
			out = nil
		}
	}
	if out != nil && out.Value == "" {
		return nil
	}
	return out
}

// labelReplace is the flow of label_replace(v, dst, replacement, src, regex).
func (t *tracer) labelReplace(e *parser.Call) Flow {
	f := t.expr(e.Args[0])
	if len(e.Args) < 5 {
		return f
	}
	i := index(literal(e.Args[1]))
	if i < 0 {
		return f
	}
	replacement, src, pattern := literal(e.Args[2]), literal(e.Args[3]), literal(e.Args[4])
	matches := present | missing // here: whether the regex matches
	if slices.Contains([]string{".*", "(.*)"}, pattern) {
		matches = present
	} else if re, err := regexp.Compile("^(?s:" + pattern + ")$"); err == nil && src == "" {
		matches = missing
		if re.MatchString("") {
			matches = present
		}
	}
	var p presence
	if matches&present != 0 {
		p |= replaced(replacement)
	}
	o := t.origin("label_replace", literal(e.Args[1]), rename)
	if matches&missing != 0 {
		p |= f.ways[i]
		if f.from[i] != nil {
			o = f.from[i]
		}
	}
	return f.set(i, p, o)
}

// replaced is whether a replacement gives the label a value: text in front of it does, a reference to what matched may.
func replaced(replacement string) presence {
	switch at := strings.Index(replacement, "$"); {
	case replacement == "":
		return missing
	case at != 0:
		return present
	}
	return present | missing
}

// labelJoin is the flow of label_join(v, dst, separator, sources…).
func (t *tracer) labelJoin(e *parser.Call) Flow {
	f := t.expr(e.Args[0])
	if len(e.Args) < 3 {
		return f
	}
	i := index(literal(e.Args[1]))
	if i < 0 {
		return f
	}
	p := present | missing
	switch sources := len(e.Args) - 3; {
	case sources == 0:
		p = missing
	case sources > 1 && literal(e.Args[2]) != "":
		p = present
	}
	return f.set(i, p, t.origin("label_join", literal(e.Args[1]), rename))
}
