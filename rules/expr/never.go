package expr

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/promql/parser"
)

// Metric is what is known of a metric.
type Metric struct {
	Labels []string // of every series; nil where they are not known
	Max    *float64 // the largest value that is meant; nil where there is none
}

// Metrics is what is known of metrics by their names.
type Metrics map[string]Metric

// Never says why an expression has no result, whatever is measured; empty if it may have one.
func (m Metrics) Never(e parser.Expr) string {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		return m.neverBinary(e)
	case *parser.AggregateExpr:
		return m.Never(e.Expr)
	case *parser.SubqueryExpr:
		return m.Never(e.Expr)
	case *parser.UnaryExpr:
		return m.Never(e.Expr)
	case *parser.Call:
		return m.neverCall(e)
	}
	return ""
}

func (m Metrics) neverCall(e *parser.Call) string {
	switch e.Func.Name {
	case "absent":
		if alwaysThere(e.Args[0]) {
			return fmt.Sprintf("%s is always there", Bare(e.Args[0]))
		}
		return ""
	case "absent_over_time", "vector", "scalar", "time", "pi":
		return ""
	}
	for _, arg := range e.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			if why := m.Never(arg); why != "" {
				return why
			}
		}
	}
	return ""
}

// alwaysThere reports whether a vector has a series, whatever is measured.
func alwaysThere(e parser.Expr) bool {
	switch e := Bare(e).(type) {
	case *parser.Call:
		return e.Func.Name == "vector"
	case *parser.BinaryExpr:
		return e.Op == parser.LOR && (alwaysThere(e.LHS) || alwaysThere(e.RHS))
	}
	return false
}

func (m Metrics) neverBinary(e *parser.BinaryExpr) string {
	if v := e.VectorMatching; v != nil && (v.FillValues.LHS != nil || v.FillValues.RHS != nil) {
		return "" // what is missing is filled in
	}
	left, right := m.neverSide(e.LHS), m.neverSide(e.RHS)
	switch {
	case e.Op == parser.LOR:
		if left != "" && right != "" {
			return left
		}
		return ""
	case left != "":
		return left
	case e.Op == parser.LUNLESS:
		if e.LHS.String() == e.RHS.String() && plain(e.VectorMatching) {
			return fmt.Sprintf("%s is left out where it is there", e.LHS)
		}
		return ""
	case right != "":
		return right
	case m.strangers(e) != "":
		return m.strangers(e)
	case e.Op == parser.LAND:
		return neverBoth(e)
	case e.Op.IsComparisonOperator() && !e.ReturnBool:
		return m.neverHolds(e)
	}
	return ""
}

// neverBoth says why two comparisons of one value cannot hold together.
func neverBoth(e *parser.BinaryExpr) string {
	left, lop, lc, lok := simple(e.LHS)
	right, rop, rc, rok := simple(e.RHS)
	if !lok || !rok || left != right || !plain(e.VectorMatching) || !contradict(lop, lc, rop, rc) {
		return ""
	}
	return fmt.Sprintf("no number is both %s %s and %s %s", lop, text(lc), rop, text(rc))
}

// simple takes a comparison of a value with a constant apart.
func simple(e parser.Expr) (value string, op parser.ItemType, limit float64, ok bool) {
	b, ok := Bare(e).(*parser.BinaryExpr)
	if !ok || !b.Op.IsComparisonOperator() || b.ReturnBool {
		return "", 0, 0, false
	}
	of, other, op := b.LHS, b.RHS, b.Op
	if of.Type() != parser.ValueTypeVector {
		of, other, op = other, of, mirrored(op)
	}
	limit, ok = constantOf(other)
	return Bare(of).String(), op, limit, ok && other.Type() != parser.ValueTypeVector
}

// neverSide is never for a side of an operation: a scalar is always there.
func (m Metrics) neverSide(e parser.Expr) string {
	if e.Type() != parser.ValueTypeVector {
		return ""
	}
	return m.Never(e)
}

// neverHolds says why a comparison holds for no value.
func (m Metrics) neverHolds(e *parser.BinaryExpr) string {
	left, right, op := Bare(e.LHS), Bare(e.RHS), e.Op
	if op != parser.NEQ && (neverNumber(left) || neverNumber(right)) {
		side := left
		if neverNumber(right) {
			side = right
		}
		return fmt.Sprintf("%s is not a number, and nothing compares with NaN", side)
	}
	l, lok := constantOf(left)
	r, rok := constantOf(right)
	if lok && !rok {
		left, right, op = right, left, mirrored(op)
		r, rok, lok = l, true, false
	}
	switch {
	case !rok:
		return neverDiffers(left, op, right, e.VectorMatching)
	case lok && !compare(l, op, r):
		return fmt.Sprintf("%s is never true", e)
	case lok:
		return ""
	case op == parser.GTR && math.IsInf(r, 1), op == parser.LSS && math.IsInf(r, -1):
		return fmt.Sprintf("no number is %s %s", op, right)
	}
	if within := m.rangeOf(left); within.why != "" && within.excludes(op, r) {
		return fmt.Sprintf("%s is never %s %s: %s", left, op, text(r), within.why)
	}
	return neverWithin(left, op, r)
}

// neverDiffers says why two sides stand in no relation: both are one value, a constant apart.
func neverDiffers(left parser.Expr, op parser.ItemType, right parser.Expr, m *parser.VectorMatching) string {
	l, lc := shifted(left)
	r, rc := shifted(right)
	// Not >= and <=: they hold between infinities, and where a constant is lost in rounding.
	if l.String() != r.String() || op != parser.GTR && op != parser.LSS || !plain(m) || compare(lc, op, rc) {
		return ""
	}
	if lc == rc {
		return fmt.Sprintf("%s is compared with itself", left)
	}
	return fmt.Sprintf("%s is never %s %s", left, op, right)
}

// shifted is an expression without the constant that is added to it, and the constant. One alone: each addition rounds.
func shifted(e parser.Expr) (base parser.Expr, by float64) {
	b, ok := Bare(e).(*parser.BinaryExpr)
	if !ok || b.Op != parser.ADD && b.Op != parser.SUB {
		return Bare(e), 0
	}
	c, ok := constantOf(b.RHS)
	if !ok || b.RHS.Type() == parser.ValueTypeVector || math.IsNaN(c) || math.IsInf(c, 0) {
		return Bare(e), 0
	}
	if b.Op == parser.SUB {
		c = -c
	}
	return Bare(b.LHS), c
}

// neverWithin says why a comparison contradicts one that stands within its value, as in x > 5 < 3.
func neverWithin(left parser.Expr, op parser.ItemType, limit float64) string {
	within, ok := left.(*parser.BinaryExpr)
	if !ok || !within.Op.IsComparisonOperator() || within.ReturnBool {
		return ""
	}
	other, innerOp := within.RHS, within.Op
	if within.LHS.Type() != parser.ValueTypeVector { // 5 < x has the value of x
		other, innerOp = within.LHS, mirrored(innerOp)
	}
	first, ok := constantOf(other)
	if !ok {
		return ""
	}
	if contradict(innerOp, first, op, limit) {
		return fmt.Sprintf("no number is both %s %s and %s %s", innerOp, text(first), op, text(limit))
	}
	return ""
}

// contradict reports whether no number is in both relations.
func contradict(op parser.ItemType, limit float64, other parser.ItemType, otherLimit float64) bool {
	switch {
	case op == parser.EQLC:
		return !compare(limit, other, otherLimit)
	case other == parser.EQLC:
		return !compare(otherLimit, op, limit)
	case below(op) && above(other):
		op, limit, other, otherLimit = other, otherLimit, op, limit
	case !above(op) || !below(other):
		return false
	}
	return limit > otherLimit || limit == otherLimit && (op == parser.GTR || other == parser.LSS)
}

func above(op parser.ItemType) bool { return op == parser.GTR || op == parser.GTE }
func below(op parser.ItemType) bool { return op == parser.LSS || op == parser.LTE }

func text(v float64) string { return (&parser.NumberLiteral{Val: v}).String() }

// constantOf is the value of an expression that reads nothing and does not depend on the time: a number, or vector() of one.
func constantOf(e parser.Expr) (float64, bool) {
	if e == nil {
		return 0, false
	}
	switch e := Bare(e).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		v, ok := constantOf(e.Expr)
		if e.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.Call:
		if e.Func.Name == "vector" || e.Func.Name == "scalar" {
			return constantOf(e.Args[0])
		}
	case *parser.BinaryExpr:
		l, lok := constantOf(e.LHS)
		r, rok := constantOf(e.RHS)
		if lok && rok {
			return calculate(l, e, r)
		}
	}
	return 0, false
}

// calculate is l op r, as the engine calculates it.
func calculate(l float64, e *parser.BinaryExpr, r float64) (float64, bool) {
	switch e.Op {
	case parser.ADD:
		return l + r, true
	case parser.SUB:
		return l - r, true
	case parser.MUL:
		return l * r, true
	case parser.DIV:
		return l / r, true
	case parser.MOD:
		return math.Mod(l, r), true
	case parser.POW:
		return math.Pow(l, r), true
	}
	if e.Op.IsComparisonOperator() && e.ReturnBool {
		if compare(l, e.Op, r) {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func compare(l float64, op parser.ItemType, r float64) bool {
	switch op {
	case parser.EQLC:
		return l == r
	case parser.NEQ:
		return l != r
	case parser.GTR:
		return l > r
	case parser.LSS:
		return l < r
	case parser.GTE:
		return l >= r
	case parser.LTE:
		return l <= r
	}
	return false
}
