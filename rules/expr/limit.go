package expr

import "github.com/prometheus/prometheus/promql/parser"

// Limit is what an alert's value is compared with.
type Limit struct {
	// Op is the comparison that holds while the alert does, the value on its left. "" if it is not the same for every
	// instance. Arithmetic around the comparison, such as a factor of -1, may have mirrored it.
	Op string
	// Number is the limit where the expression spells it out; else nil.
	Number *float64
	// Expr returns the limit where it is not a number, under the labels that the alert's expression gives its instances.
	Expr string
}

// LimitOf returns the limit of an alert expression. ok is false if the alert's value is not compared with anything.
//
// The limit's expression is the alert's own, with every comparison replaced by its right side under the labels of its
// left. So joins and arithmetic around the comparison apply to the limit as they do to the value.
func LimitOf(expr string) (limit Limit, ok bool) {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return Limit{}, false
	}
	l, ok := limitOf(e)
	if !ok {
		return Limit{}, false
	}
	if l.op != 0 {
		limit.Op = l.op.String()
	}
	if limit.Number = l.number; limit.Number == nil {
		limit.Expr = l.expr.String()
	}
	return limit, true
}

// limited is the limit of a part of an expression.
type limited struct {
	op     parser.ItemType // 0: differs
	number *float64
	expr   parser.Expr // a vector under the labels of the part
}

func limitOf(e parser.Expr) (limited, bool) {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		switch {
		case e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return limitOf(e.LHS) // the right side only decides which series there are
		case e.Op == parser.LOR:
			return limitOfEither(e)
		case e.Op.IsComparisonOperator():
			return limitOfComparison(e)
		}
		return limitOfArithmetic(e)
	case *parser.Call:
		switch e.Func.Name {
		case "sort", "sort_desc", "sort_by_label", "sort_by_label_desc":
			return limitOf(e.Args[0])
		case "label_replace", "label_join":
			l, ok := limitOf(e.Args[0])
			if ok {
				args := append(parser.Expressions{l.expr}, e.Args[1:]...)
				l.expr = &parser.Call{Func: e.Func, Args: args}
			}
			return l, ok
		}
	}
	return limited{}, false
}

func limitOfComparison(e *parser.BinaryExpr) (limited, bool) {
	left, right, op := Bare(e.LHS), Bare(e.RHS), e.Op
	if e.ReturnBool {
		return limited{}, false // the value is 0 or 1
	}
	if left.Type() == parser.ValueTypeScalar {
		left, right, op = right, left, mirrored(op) // 0.9 < x keeps the value of x
	}
	if b, ok := left.(*parser.BinaryExpr); ok && b.Op.IsComparisonOperator() && !b.ReturnBool {
		return limitOfComparison(b) // a > 1 < 5: the first is the one that Split names first
	}
	l := limited{op: op, number: number(right)}
	l.expr = &parser.BinaryExpr{Op: parser.ADD, LHS: zero(left), RHS: grouped(right)}
	if right.Type() == parser.ValueTypeVector {
		l.expr.(*parser.BinaryExpr).VectorMatching = e.VectorMatching
	}
	return l, true
}

// zero is 0 under the labels of e, also where e is infinite.
func zero(e parser.Expr) parser.Expr {
	return &parser.Call{
		Func: parser.Functions["clamp"],
		Args: parser.Expressions{e, &parser.NumberLiteral{}, &parser.NumberLiteral{}},
	}
}

// number is the value of a literal, nil if e is none.
func number(e parser.Expr) *float64 {
	switch e := Bare(e).(type) {
	case *parser.NumberLiteral:
		v := e.Val
		return &v
	case *parser.UnaryExpr:
		if v := number(e.Expr); v != nil && e.Op == parser.SUB {
			minus := -*v
			return &minus
		}
	}
	return nil
}

// limitOfArithmetic is the limit of a comparison with arithmetic around it, as in (a > b) * on () group_left () info.
func limitOfArithmetic(e *parser.BinaryExpr) (limited, bool) {
	switch e.Op {
	case parser.ADD, parser.SUB, parser.MUL, parser.DIV:
	default:
		return limited{}, false
	}
	out := &parser.BinaryExpr{Op: e.Op, LHS: e.LHS, RHS: e.RHS, VectorMatching: e.VectorMatching}
	side := &out.LHS
	switch left, right := filters(e.LHS), filters(e.RHS); {
	case left == right:
		return limited{}, false
	case right:
		side = &out.RHS
	}
	l, ok := limitOf(*side)
	*side = &parser.ParenExpr{Expr: l.expr}
	return limited{op: l.op, expr: out}, ok
}

// limitOfEither is the limit of one of two alternatives. Which one an instance comes from shows in which of them holds.
func limitOfEither(e *parser.BinaryExpr) (limited, bool) {
	left, lok := limitOf(e.LHS)
	right, rok := limitOf(e.RHS)
	switch {
	case lok && rok:
		l := limited{expr: &parser.BinaryExpr{
			Op: parser.LOR, LHS: while(left.expr, e.LHS), RHS: while(right.expr, e.RHS), VectorMatching: e.VectorMatching,
		}}
		if left.op == right.op {
			l.op = left.op
		}
		if left.number != nil && right.number != nil && *left.number == *right.number {
			l.number = left.number
		}
		return l, true
	case lok:
		return limited{op: left.op, expr: while(left.expr, e.LHS)}, true
	case rok:
		return limited{op: right.op, expr: while(right.expr, e.RHS)}, true
	}
	return limited{}, false
}

// while is limit wherever condition holds.
func while(limit, condition parser.Expr) parser.Expr {
	return &parser.ParenExpr{Expr: &parser.BinaryExpr{
		Op: parser.LAND, LHS: grouped(limit), RHS: grouped(condition),
		VectorMatching: &parser.VectorMatching{Card: parser.CardManyToMany},
	}}
}
