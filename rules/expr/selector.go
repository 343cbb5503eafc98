package expr

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// ExactName returns the metric name that a selector asks for, "" if the selector may select several.
func ExactName(s *parser.VectorSelector) string {
	for _, m := range s.LabelMatchers {
		if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// MayRead reports whether a selector may select series with the name.
func MayRead(s *parser.VectorSelector, name string) bool {
	return !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == labels.MetricName && !m.Matches(name)
	})
}

// InRange reports whether a node with path around it is inside a range or a subquery.
func InRange(path []parser.Node) bool {
	for _, n := range path {
		switch n.(type) {
		case *parser.MatrixSelector, *parser.SubqueryExpr:
			return true
		}
	}
	return false
}

// BehindUnless reports whether n, with path around it, is on the right side of an unless.
func BehindUnless(n parser.Node, path []parser.Node) bool {
	for i, around := range path {
		below := n
		if i+1 < len(path) {
			below = path[i+1]
		}
		if b, ok := around.(*parser.BinaryExpr); ok && b.Op == parser.LUNLESS && b.RHS == below {
			return true
		}
	}
	return false
}

// Mentions reports whether the result of an expression may have the label: a selector asks for the label or reads a metric
// of a check, an aggregation keeps it, or label_replace may set it.
func Mentions(e parser.Expr, label string) bool {
	found := false
	Inspect(e, func(n parser.Node, _ []parser.Node) {
		switch n := n.(type) {
		case *parser.VectorSelector:
			found = found || strings.HasPrefix(n.Name, "chorus_health_check")
			for _, m := range n.LabelMatchers {
				found = found || m.Name == label && !m.Matches("")
			}
		case *parser.AggregateExpr:
			found = found || !n.Without && slices.Contains(n.Grouping, label)
		case *parser.StringLiteral: // label_replace
			found = found || n.Val == label
		}
	})
	return found
}
