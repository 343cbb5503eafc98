package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// Metrics maps the names that the rules, and queries in their templates, read and do not write themselves to the places
// (file:line of the rule's name) that read them, in evaluation order. A name may be a part of a histogram or summary
// (_bucket, _sum, _count). A selector without an exact name reads whatever there is and is left out. The caller owns the
// map.
func (s *Set) Metrics() map[string][]string {
	out := map[string][]string{}
	for name, places := range s.reads {
		out[name] = slices.Clone(places)
	}
	return out
}

// Unexposed are the reads of metrics that nothing exposes: one sentence per name, sorted, with the first place that
// reads it. exposed reports whether a metric family of that name exists.
func (s *Set) Unexposed(exposed func(name string) bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.reads)) {
		if !exposed(name) && !exposed(familyOf(name)) {
			out = append(out, fmt.Sprintf("%s: reads %s, but nothing here exposes that metric", s.reads[name][0], name))
		}
	}
	return out
}

// familyOf is the family that a part of a histogram or summary belongs to, else the name itself.
func familyOf(name string) string {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if family, ok := strings.CutSuffix(name, part); ok {
			return family
		}
	}
	return name
}

// reads collects what Metrics returns.
func reads(rules []*item) map[string][]string {
	written := map[string]bool{}
	for _, it := range rules {
		for _, name := range it.traced().Writes() {
			written[name] = true
		}
	}
	out := map[string][]string{}
	for _, it := range rules {
		for _, e := range append([]parser.Expr{it.expr}, it.queries...) {
			expr.Inspect(e, func(n parser.Node, _ []parser.Node) {
				s, ok := n.(*parser.VectorSelector)
				if !ok {
					return
				}
				name := expr.ExactName(s)
				if name == "" || written[name] || slices.Contains(out[name], it.where()) {
					return
				}
				out[name] = append(out[name], it.where())
			})
		}
	}
	return out
}
