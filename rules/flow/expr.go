package flow

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// tracer follows the labels of tracedLabels through the expression of a rule.
type tracer struct {
	rule int
	// selected is the flow of what a selector selects.
	selected func(*parser.VectorSelector) Flow
}

// expr is the flow of an expression's result. It never says less than the engine does: where it can't tell, a label is
// both there and not.
func (t *tracer) expr(e parser.Expr) Flow {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return t.expr(e.Expr)
	case *parser.StepInvariantExpr:
		return t.expr(e.Expr)
	case *parser.UnaryExpr:
		return t.expr(e.Expr)
	case *parser.SubqueryExpr:
		return t.expr(e.Expr)
	case *parser.MatrixSelector:
		return t.expr(e.VectorSelector)
	case *parser.VectorSelector:
		return t.selected(e)
	case *parser.AggregateExpr:
		return t.aggregate(e)
	case *parser.BinaryExpr:
		return t.binary(e)
	case *parser.Call:
		return t.call(e)
	}
	return without() // numbers and strings
}

func (t *tracer) aggregate(e *parser.AggregateExpr) Flow {
	f := t.expr(e.Expr)
	switch e.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return f // these keep series as they are
	}
	valueLabel := ""
	if e.Op == parser.COUNT_VALUES {
		valueLabel = literal(e.Param)
	}
	for i, name := range tracedLabels() {
		kept := slices.Contains(e.Grouping, name) != e.Without
		switch {
		case valueLabel == name && (kept || !e.Without):
			f = f.set(i, present, t.origin("count_values", name, rename))
		case !kept:
			f = f.set(i, missing, nil)
		}
	}
	return f
}

func (t *tracer) binary(e *parser.BinaryExpr) Flow {
	l, r := t.expr(e.LHS), t.expr(e.RHS)
	m := e.VectorMatching
	switch {
	case e.LHS.Type() != parser.ValueTypeVector:
		return r
	case e.RHS.Type() != parser.ValueTypeVector:
		return l
	case e.Op == parser.LOR:
		return l.or(r)
	case e.Op == parser.LUNLESS:
		return l
	case m == nil:
		return l.or(r)
	case m.FillValues.LHS != nil || m.FillValues.RHS != nil:
		return filled(l, r, m)
	case l.Empty() || r.Empty():
		return Flow{}
	}
	if m.Card == parser.CardOneToMany {
		l, r = r, l
	}
	for i, name := range tracedLabels() {
		listed := slices.Contains(m.MatchingLabels, name)
		switch {
		case slices.Contains(m.Include, name):
			l = l.set(i, r.ways[i], r.from[i])
		case listed == m.On: // both sides agree on it
			l.ways[i] &= r.ways[i]
		case m.Card == parser.CardOneToOne:
			l = l.set(i, missing, nil)
		}
	}
	return l
}

// filled is the flow of an operation where a side without a partner stays: its labels are those that were matched.
func filled(l, r Flow, m *parser.VectorMatching) Flow {
	out := l.or(r)
	for i, name := range tracedLabels() {
		if slices.Contains(m.MatchingLabels, name) != m.On && m.Card == parser.CardOneToOne {
			out = out.set(i, missing, nil)
		} else if !out.Empty() {
			out.ways[i] |= missing
		}
	}
	return out
}

// rename is the fix where the label may have any name.
const rename = "use another label name"

// origin is a part of the rule that sets a label.
func (t *tracer) origin(by, label, fix string) *Origin {
	return &Origin{Rule: t.rule, By: by, Label: label, Fix: fix}
}

// literal is the value of a string in an expression.
func literal(e parser.Expr) string {
	if s, ok := expr.Bare(e).(*parser.StringLiteral); ok {
		return s.Val
	}
	return ""
}
