// Package expr analyses expressions of PromQL without evaluating them: what they compare, when there is data for them, how
// far they look back, and what can never have a result.
package expr

import "github.com/prometheus/prometheus/promql/parser"

// Role says what part a Condition has in its alert.
type Role string

// The roles. Everything behind an `unless` is Unless, whatever stands between.
const (
	FiresIf Role = "fires if"
	AndIf   Role = "and if"
	OrIf    Role = "or if"
	Unless  Role = "unless"
)

// Kind says what a Condition tests.
type Kind string

// The kinds.
const (
	Compare Kind = "compare" // Value Op Limit
	Absent  Kind = "absent"  // Value has no series
	Present Kind = "present" // Value has a series
	Alerts  Kind = "alert"   // Value selects ALERTS
	Opaque  Kind = "opaque"  // Value has a result, whatever it is
)

// Condition is one test of an alert expression. Value, Limit and Aligned can be evaluated on their own.
type Condition struct {
	Role    Role
	Kind    Kind
	Value   parser.Expr
	Op      string      // of a comparison, the measured side on its left
	Limit   parser.Expr // nil unless Kind is Compare
	Aligned parser.Expr // Limit under the labels of Value, joined by the engine itself; nil if either side is a scalar
}

// Split takes an alert expression apart into its conditions, the one that gives the alert its value first.
func Split(e parser.Expr) []Condition { return split(e, FiresIf) }

func split(e parser.Expr, role Role) []Condition {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		return splitBinary(e, role)
	case *parser.Call:
		switch e.Func.Name {
		case "absent", "absent_over_time":
			return []Condition{{Role: role, Kind: Absent, Value: e.Args[0]}}
		case "label_replace", "label_join", "sort", "sort_desc", "sort_by_label", "sort_by_label_desc":
			return split(e.Args[0], role) // these keep values and which series there are
		}
	case *parser.VectorSelector: // a bare series fires while it exists
		if e.Name == AlertsSeries {
			return []Condition{{Role: role, Kind: Alerts, Value: e}}
		}
		return []Condition{{Role: role, Kind: Present, Value: e}}
	}
	return []Condition{{Role: role, Kind: Opaque, Value: e}}
}

func splitBinary(e *parser.BinaryExpr, role Role) []Condition {
	under := func(r Role) Role {
		if role == Unless {
			return Unless
		}
		return r
	}
	switch {
	case e.Op == parser.LAND:
		return append(split(e.LHS, role), split(e.RHS, under(AndIf))...)
	case e.Op == parser.LOR:
		return append(split(e.LHS, role), split(e.RHS, under(OrIf))...)
	case e.Op == parser.LUNLESS:
		return append(split(e.LHS, role), split(e.RHS, Unless)...)
	case e.Op.IsComparisonOperator():
		return splitComparison(e, role)
	// Arithmetic around a comparison, as in (a > b) * on () group_left () info: the comparison decides.
	case filters(e.LHS):
		return split(e.LHS, role)
	case filters(e.RHS):
		return split(e.RHS, role)
	}
	return []Condition{{Role: role, Kind: Opaque, Value: e}}
}

func splitComparison(e *parser.BinaryExpr, role Role) []Condition {
	left, right, op := Bare(e.LHS), Bare(e.RHS), e.Op
	if left.Type() == parser.ValueTypeScalar && right.Type() == parser.ValueTypeVector {
		left, right, op = right, left, mirrored(op) // 0.9 < x is x > 0.9: the limit stands on the right
	}
	if inner := withoutBool(left, op, right); inner != nil {
		return splitComparison(inner, role)
	}
	// a > 1 < 5: two limits on one value.
	if b, ok := left.(*parser.BinaryExpr); ok && b.Op.IsComparisonOperator() && !b.ReturnBool {
		first := splitComparison(b, role)
		second := role
		if role != Unless {
			second = AndIf
		}
		return append(first, comparison(first[0].Value, op, right, e, second))
	}
	if e.ReturnBool { // a > bool 1 alone is 0 or 1, and an alert fires on both
		return []Condition{{Role: role, Kind: Opaque, Value: e}}
	}
	return []Condition{comparison(left, op, right, e, role)}
}

// comparison is the condition left op right of e. Its Aligned is 0 * left + right with the matching of e: the engine
// does the join, and keeps the labels that group_left adds.
func comparison(left parser.Expr, op parser.ItemType, right parser.Expr, e *parser.BinaryExpr, role Role) Condition {
	c := Condition{Role: role, Kind: Compare, Value: left, Op: op.String(), Limit: right}
	if left.Type() == parser.ValueTypeVector && right.Type() == parser.ValueTypeVector {
		zero := &parser.BinaryExpr{Op: parser.MUL, LHS: &parser.NumberLiteral{}, RHS: grouped(left)}
		c.Aligned = &parser.BinaryExpr{Op: parser.ADD, LHS: zero, RHS: grouped(right), VectorMatching: e.VectorMatching}
	}
	return c
}
