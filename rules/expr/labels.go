package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// labelsOf are the labels that every series of an expression has, and no others. ok is false where that is not known.
func (m Metrics) labelsOf(e parser.Expr) (names map[string]bool, ok bool) {
	switch e := Bare(e).(type) {
	case *parser.VectorSelector:
		n := m[e.Name]
		return set(n.Labels), n.Labels != nil
	case *parser.UnaryExpr:
		return m.labelsOf(e.Expr)
	case *parser.MatrixSelector:
		return m.labelsOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return m.labelsOf(e.Expr)
	case *parser.BinaryExpr:
		switch { // of two vectors only what keeps one side as it is
		case e.LHS.Type() != parser.ValueTypeVector:
			return m.labelsOf(e.RHS)
		case e.RHS.Type() != parser.ValueTypeVector, e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return m.labelsOf(e.LHS)
		}
	case *parser.AggregateExpr:
		return m.labelsOfAggregate(e)
	case *parser.Call:
		return m.labelsOfCall(e)
	}
	return nil, false
}

func (m Metrics) labelsOfAggregate(e *parser.AggregateExpr) (names map[string]bool, ok bool) {
	names, ok = m.labelsOf(e.Expr)
	switch e.Op {
	case parser.COUNT_VALUES:
		return nil, false
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return names, ok
	}
	if !e.Without && len(e.Grouping) == 0 {
		return map[string]bool{}, true // nothing is left, whatever there was
	}
	out := map[string]bool{}
	for name := range names {
		if slices.Contains(e.Grouping, name) != e.Without {
			out[name] = true
		}
	}
	return out, ok
}

func (m Metrics) labelsOfCall(e *parser.Call) (names map[string]bool, ok bool) {
	switch e.Func.Name {
	case "vector":
		return map[string]bool{}, true
	case "label_replace", "label_join", "absent", "absent_over_time", "histogram_quantile", "histogram_fraction", "info",
		"histogram_quantiles":
		return nil, false
	}
	for _, arg := range e.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			return m.labelsOf(arg)
		}
	}
	return nil, false
}

// strangers says why no series of one side can have a partner on the other: their labels differ. An or has no partners.
func (m Metrics) strangers(e *parser.BinaryExpr) string {
	on := e.VectorMatching
	if on == nil || e.Op == parser.LOR || e.Op == parser.LUNLESS {
		return ""
	}
	if why := differ(e, on); why != "" {
		return why
	}
	left, lok := m.labelsOf(e.LHS)
	right, rok := m.labelsOf(e.RHS)
	if !lok || !rok {
		return ""
	}
	matched := func(names map[string]bool) map[string]bool {
		out := map[string]bool{}
		for name := range names {
			if slices.Contains(on.MatchingLabels, name) == on.On {
				out[name] = true
			}
		}
		return out
	}
	l, r := matched(left), matched(right)
	if maps.Equal(l, r) {
		return ""
	}
	differ := map[string]bool{}
	for _, name := range slices.Concat(sorted(l), sorted(r)) {
		if l[name] != r[name] {
			differ[name] = true
		}
	}
	fix := fmt.Sprintf("ignoring (%s) group_left ()", strings.Join(sorted(differ), ", "))
	if on.On {
		fix = "on () group_left ()"
	}
	return fmt.Sprintf("no series of %s has a partner among those of %s: one side alone has %s; match with %s",
		e.LHS, e.RHS, strings.Join(sorted(differ), " and "), fix)
}

// differ says which label has one value on the left and another on the right, by their selectors.
func differ(e *parser.BinaryExpr, on *parser.VectorMatching) string {
	left, right := fixed(e.LHS), fixed(e.RHS)
	for _, name := range slices.Sorted(maps.Keys(left)) {
		other, both := right[name]
		if both && other != left[name] && slices.Contains(on.MatchingLabels, name) == on.On {
			return fmt.Sprintf("no series of %s has a partner among those of %s: %s is %q on one side and %q on the other; "+
				"match with ignoring (%s)", e.LHS, e.RHS, name, left[name], other, name)
		}
	}
	return ""
}

// fixed are the labels of all series of an expression whose values its selector fixes.
func fixed(e parser.Expr) map[string]string {
	switch e := Bare(e).(type) {
	case *parser.VectorSelector:
		out := map[string]string{}
		for _, matcher := range e.LabelMatchers {
			if matcher.Type == labels.MatchEqual && matcher.Value != "" && matcher.Name != labels.MetricName {
				out[matcher.Name] = matcher.Value
			}
		}
		return out
	case *parser.MatrixSelector:
		return fixed(e.VectorSelector)
	case *parser.SubqueryExpr:
		return fixed(e.Expr)
	case *parser.UnaryExpr:
		return fixed(e.Expr)
	case *parser.BinaryExpr:
		switch {
		case e.LHS.Type() != parser.ValueTypeVector:
			return fixed(e.RHS)
		case e.RHS.Type() != parser.ValueTypeVector, e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return fixed(e.LHS)
		}
	case *parser.AggregateExpr:
		return fixedOfAggregate(e)
	case *parser.Call:
		return fixedOfCall(e)
	}
	return nil
}

func fixedOfAggregate(e *parser.AggregateExpr) map[string]string {
	out := fixed(e.Expr)
	switch e.Op {
	case parser.COUNT_VALUES:
		return nil
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return out
	}
	maps.DeleteFunc(out, func(name, _ string) bool { return slices.Contains(e.Grouping, name) == e.Without })
	return out
}

// fixedOfCall leaves alone what sets labels.
func fixedOfCall(e *parser.Call) map[string]string {
	switch e.Func.Name {
	case "label_replace", "label_join", "absent", "absent_over_time", "info", "histogram_quantiles":
		return nil
	}
	for _, arg := range e.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			return fixed(arg)
		}
	}
	return nil
}

func set(names []string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

func sorted(names map[string]bool) []string { return slices.Sorted(maps.Keys(names)) }
