package expr

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// The series that every alert writes.
const (
	AlertsSeries         = "ALERTS"
	AlertsForStateSeries = "ALERTS_FOR_STATE"
)

// picks reports whether it is an answer that a value is not there: it depends on a comparison within, as count(x == 0), on
// a set operation, on absence, or on alerts, which are there only while they are active.
func picks(e parser.Expr) bool {
	return found(e, func(n parser.Node) bool {
		switch n := n.(type) {
		case *parser.BinaryExpr:
			return n.Op.IsComparisonOperator() && !n.ReturnBool || n.Op == parser.LAND || n.Op == parser.LUNLESS
		case *parser.VectorSelector:
			return isAlerts(n)
		}
		return isAbsent(n)
	})
}

// compares reports whether a value depends on a comparison that gives 0 or 1.
func compares(e parser.Expr) bool {
	return found(e, func(n parser.Node) bool {
		b, ok := n.(*parser.BinaryExpr)
		return ok && b.ReturnBool
	})
}

// eventful reports whether NaN may mean that nothing happened: the value is made of quantiles, quotients or means over a
// range.
func eventful(e parser.Expr) bool {
	return found(e, func(n parser.Node) bool {
		switch n := n.(type) {
		case *parser.BinaryExpr:
			return n.Op == parser.DIV && len(selectors(n.RHS)) > 0
		case *parser.AggregateExpr:
			return n.Op == parser.QUANTILE
		case *parser.Call:
			return slices.Contains([]string{
				"histogram_quantile", "histogram_avg", "histogram_fraction", "histogram_stddev", "histogram_stdvar",
				"quantile_over_time", "avg_over_time",
			}, n.Func.Name)
		}
		return false
	})
}

func found(e parser.Expr, is func(parser.Node) bool) bool {
	out := false
	Inspect(e, func(n parser.Node, _ []parser.Node) { out = out || is(n) })
	return out
}

func isAlerts(s *parser.VectorSelector) bool {
	return s.Name == AlertsSeries || s.Name == AlertsForStateSeries
}

func isAbsent(n parser.Node) bool {
	call, ok := n.(*parser.Call)
	return ok && (call.Func.Name == "absent" || call.Func.Name == "absent_over_time")
}

// selectors are all selectors in an expression.
func selectors(e parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	Inspect(e, func(n parser.Node, _ []parser.Node) {
		if s, ok := n.(*parser.VectorSelector); ok {
			out = append(out, s)
		}
	})
	return out
}

// series are the series that have to be there for an expression to say anything, each as it is now. Alerts are not among
// them, nor what stands in absent(), behind an unless, or without a comparison behind an and: it is an answer that there
// is none.
func series(e parser.Expr) []string {
	var out []string
	Inspect(e, func(n parser.Node, path []parser.Node) {
		s, ok := n.(*parser.VectorSelector)
		if !ok || isAlerts(s) || slices.ContainsFunc(path, isAbsent) ||
			optional(s, path) {
			return
		}
		now := parser.VectorSelector{Name: s.Name, LabelMatchers: s.LabelMatchers}
		if text := now.String(); !slices.Contains(out, text) {
			out = append(out, text)
		}
	})
	return out
}

// optional reports whether a node stands on the right of an unless, or of an and without a comparison.
func optional(n parser.Node, path []parser.Node) bool {
	for i, around := range path {
		below := n
		if i+1 < len(path) {
			below = path[i+1]
		}
		b, ok := around.(*parser.BinaryExpr)
		if ok && b.RHS == below && (b.Op == parser.LUNLESS || b.Op == parser.LAND && !filters(b.RHS)) {
			return true
		}
	}
	return false
}
