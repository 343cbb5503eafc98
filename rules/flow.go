package rules

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// presence says in which ways the series of a result have a label. No way at all: the result is always empty.
type presence uint8

const (
	present presence = 1 << iota
	missing
)

// origin is where a label comes from.
type origin struct {
	rule  *item
	by    string // the part of its expression that sets the label; empty: the labels of the rule
	label string
	fix   string
}

// traced are the labels that are followed: those of a server, and those that decide what an alert does.
const traced = 5

func tracedLabels() [traced]string {
	return [traced]string{model.JobLabel, model.InstanceLabel, "depends_on", "action", "holds"}
}

// index is where a label stands among tracedLabels, -1 if it is not followed.
func index(label string) int {
	names := tracedLabels()
	return slices.Index(names[:], label)
}

// flow is what a result may carry, for each of tracedLabels.
type flow struct {
	ways [traced]presence
	from [traced]*origin // of present; nil: it is measured
}

// without is the flow of a result that carries none of the labels.
func without() flow {
	var f flow
	for i := range f.ways {
		f.ways[i] = missing
	}
	return f
}

// measuredFlow is the flow of measured series. A metric's own labels of the names of targetLabels are renamed; it may have
// any other.
func measuredFlow() flow {
	f := without()
	for i := len(targetLabels()); i < traced; i++ {
		f.ways[i] |= present
	}
	return f
}

// empty reports whether the result never has a series.
func (f flow) empty() bool { return slices.Contains(f.ways[:], 0) }

// carries reports whether an expression or a rule gives any series of the result one of the labels.
func (f flow) carries() bool {
	for i := range f.ways {
		if f.ways[i]&present != 0 && f.from[i] != nil {
			return true
		}
	}
	return false
}

// carriesTarget is carries for targetLabels alone.
func (f flow) carriesTarget() bool { return (f.ways[0]|f.ways[1])&present != 0 }

// same reports whether two flows say the same, whichever rule a label comes from.
func (f flow) same(g flow) bool {
	for i := range f.from {
		if (f.from[i] == nil) != (g.from[i] == nil) {
			return false
		}
	}
	return f.ways == g.ways
}

// or is the flow of a result with the series of both.
func (f flow) or(g flow) flow {
	switch {
	case f.empty():
		return g
	case g.empty():
		return f
	}
	for i := range f.ways {
		f.ways[i] |= g.ways[i]
		if f.from[i] == nil {
			f.from[i] = g.from[i]
		}
	}
	return f
}

// set returns f with one label as a construct sets it.
func (f flow) set(i int, p presence, o *origin) flow {
	if f.empty() {
		return f
	}
	f.ways[i], f.from[i] = p, nil
	if p&present != 0 {
		f.from[i] = o
	}
	return f
}

// tracer follows the labels of tracedLabels through the expression of a rule.
type tracer struct {
	rule *item
	// selected is the flow of what a selector selects.
	selected func(*parser.VectorSelector) flow
}

// expr is the flow of an expression's result. It never says less than the engine does: where it can't tell, a label is
// both there and not.
func (t *tracer) expr(e parser.Expr) flow {
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

func (t *tracer) aggregate(e *parser.AggregateExpr) flow {
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

func (t *tracer) binary(e *parser.BinaryExpr) flow {
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
	case l.empty() || r.empty():
		return flow{}
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
func filled(l, r flow, m *parser.VectorMatching) flow {
	out := l.or(r)
	for i, name := range tracedLabels() {
		if slices.Contains(m.MatchingLabels, name) != m.On && m.Card == parser.CardOneToOne {
			out = out.set(i, missing, nil)
		} else if !out.empty() {
			out.ways[i] |= missing
		}
	}
	return out
}

// matched narrows the flow of a selector's candidates to what its matchers let through.
func (f flow) matched(matchers []*labels.Matcher) flow {
	for i, name := range tracedLabels() {
		for _, m := range matchers {
			if m.Name != name {
				continue
			}
			if !m.Matches("") {
				f.ways[i] &^= missing
			} else if m.Type == labels.MatchEqual {
				f.ways[i] &^= present
			}
		}
	}
	if f.empty() {
		return flow{}
	}
	return f
}

// rename is the fix where the label may have any name.
const rename = "use another label name"

// origin is a part of the rule that sets a label.
func (t *tracer) origin(by, label, fix string) *origin {
	return &origin{rule: t.rule, by: by, label: label, fix: fix}
}

// literal is the value of a string in an expression.
func literal(e parser.Expr) string {
	if s, ok := expr.Bare(e).(*parser.StringLiteral); ok {
		return s.Val
	}
	return ""
}
