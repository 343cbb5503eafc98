package expr

import (
	"github.com/prometheus/prometheus/promql/parser"
)

// partners are the terms for arithmetic around a comparison, as in (a > b) * on () group_left (node) info, and for two
// comparisons that must hold together: where the other side has no partner for any series, the alert never fires, whatever
// the values are.
func partners(e parser.Expr) []string {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		switch {
		case e.Op == parser.LAND && filters(e.LHS) && filters(e.RHS) && !found(e, isAbsent):
			return append(append(partners(e.LHS), partners(e.RHS)...), partner(e)...)
		case e.Op == parser.LAND, e.Op == parser.LOR:
			return append(partners(e.LHS), partners(e.RHS)...)
		case e.Op == parser.LUNLESS:
			return partners(e.LHS)
		case e.Op.IsComparisonOperator() || !filters(e):
			return nil
		case e.LHS.Type() != parser.ValueTypeVector:
			return partners(e.RHS)
		case e.RHS.Type() != parser.ValueTypeVector:
			return partners(e.LHS)
		}
		return append(append(partners(e.LHS), partners(e.RHS)...), partner(e)...)
	case *parser.Call:
		if len(e.Args) > 0 && filters(e) {
			return partners(e.Args[0])
		}
	}
	return nil
}

// partner are the terms for one operation of two vectors. A set operation asks for a partner: it has no fault where there are
// several, which is the fault of the alert's own rule.
func partner(e *parser.BinaryExpr) []string {
	left, right := unfiltered(e.LHS), unfiltered(e.RHS)
	if left == nil || right == nil {
		other := e.RHS
		if !filters(e.LHS) {
			other = e.LHS
		}
		return numbersOf(series(other))
	}
	matching := &parser.VectorMatching{Card: parser.CardManyToMany}
	if m := e.VectorMatching; m != nil {
		matching.On, matching.MatchingLabels = m.On, m.MatchingLabels
	}
	both := &parser.BinaryExpr{Op: parser.LAND, LHS: grouped(left), RHS: grouped(right), VectorMatching: matching}
	return []string{exists(both.String())}
}

// unfiltered is an expression without what its comparisons leave out: each is replaced by its value under the labels that
// it gives. nil where that cannot be said in one expression.
func unfiltered(e parser.Expr) parser.Expr {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		switch {
		case e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return unfiltered(e.LHS)
		case e.Op == parser.LOR:
			return nil
		case e.Op.IsComparisonOperator():
			return uncompared(e)
		case !filters(e):
			return e
		}
		left, right := unfiltered(e.LHS), unfiltered(e.RHS)
		if left == nil || right == nil {
			return nil
		}
		return &parser.BinaryExpr{Op: e.Op, LHS: grouped(left), RHS: grouped(right), VectorMatching: e.VectorMatching}
	case *parser.Call:
		if !filters(e) {
			return e
		}
		value := unfiltered(e.Args[0])
		if value == nil {
			return nil
		}
		return &parser.Call{Func: e.Func, Args: append(parser.Expressions{value}, e.Args[1:]...)}
	default:
		return e
	}
}

// uncompared is the value of a comparison, for all series.
func uncompared(e *parser.BinaryExpr) parser.Expr {
	switch left, right := e.LHS, e.RHS; {
	case e.ReturnBool:
		return e
	case left.Type() != parser.ValueTypeVector:
		return unfiltered(right)
	case right.Type() != parser.ValueTypeVector:
		return unfiltered(left)
	default: // the engine joins, and keeps the labels that group_left adds
		return &parser.BinaryExpr{Op: parser.ADD, LHS: grouped(left), RHS: zero(right), VectorMatching: e.VectorMatching}
	}
}
