package expr

import "github.com/prometheus/prometheus/promql/parser"

// withoutBool turns (a > bool b) == 1 into a > b, and == 0 into its negation; nil if it is neither.
func withoutBool(left parser.Expr, op parser.ItemType, right parser.Expr) *parser.BinaryExpr {
	b, ok := left.(*parser.BinaryExpr)
	n, isNumber := right.(*parser.NumberLiteral)
	if !ok || !b.ReturnBool || !isNumber {
		return nil
	}
	inner := *b
	inner.ReturnBool = false
	switch {
	case op == parser.EQLC && n.Val == 1, op == parser.NEQ && n.Val == 0, op == parser.GTR && n.Val == 0:
		return &inner
	case op == parser.EQLC && n.Val == 0, op == parser.NEQ && n.Val == 1, op == parser.LSS && n.Val == 1:
		inner.Op = negated(b.Op)
		return &inner
	}
	return nil
}

// filters reports whether a comparison inside e decides which series e has.
func filters(e parser.Expr) bool {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() {
			return !e.ReturnBool
		}
		return filters(e.LHS) || filters(e.RHS)
	case *parser.Call:
		return e.Func.Name == "label_replace" && filters(e.Args[0])
	}
	return false
}

// Bare is e without parentheses around it.
func Bare(e parser.Expr) parser.Expr {
	for {
		switch x := e.(type) {
		case *parser.ParenExpr:
			e = x.Expr
		case *parser.StepInvariantExpr:
			e = x.Expr
		default:
			return e
		}
	}
}

// grouped puts e in parentheses where another operator around it would otherwise take it apart.
func grouped(e parser.Expr) parser.Expr {
	if _, ok := e.(*parser.BinaryExpr); ok {
		return &parser.ParenExpr{Expr: e}
	}
	return e
}

// mirrored is the operator with its sides exchanged.
func mirrored(op parser.ItemType) parser.ItemType {
	switch op {
	case parser.GTR:
		return parser.LSS
	case parser.LSS:
		return parser.GTR
	case parser.GTE:
		return parser.LTE
	case parser.LTE:
		return parser.GTE
	}
	return op // == and != read the same from both sides
}

// negated is the operator that holds where op does not.
func negated(op parser.ItemType) parser.ItemType {
	switch op {
	case parser.GTR:
		return parser.LTE
	case parser.LSS:
		return parser.GTE
	case parser.GTE:
		return parser.LSS
	case parser.LTE:
		return parser.GTR
	case parser.EQLC:
		return parser.NEQ
	}
	return parser.EQLC
}

// Inspect walks an expression that may be missing because it does not parse.
func Inspect(e parser.Expr, f func(n parser.Node, path []parser.Node)) {
	if e == nil {
		return
	}
	parser.Inspect(e, func(n parser.Node, path []parser.Node) error {
		f(n, path)
		return nil
	})
}
