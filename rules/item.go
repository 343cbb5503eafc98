package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
	"chorus/rules/flow"
	"chorus/rules/rulefile"
)

// The series that every alert writes, and those of ours by which rules declare checks.
const (
	alertsName     = expr.AlertsSeries
	alertsForState = expr.AlertsForStateSeries
	infoName       = "chorus_health_check_info"
	dataName       = "chorus_health_check_data"
	buildName      = "chorus_exporter_build_info"
)

// group is a rule group on its way into a Set.
type group struct {
	name     string
	file     *file
	place    place
	interval time.Duration
	at       rulefile.Position
	items    []*item
}

// item is a rule on its way into a Set: with its syntax tree and with where its parts stand in the file.
type item struct {
	Rule
	group *group
	expr  parser.Expr // nil if it does not parse, which is a fault by then
	// queries are those in its templates, as far as they are known.
	queries []parser.Expr
	at      rulefile.Positions
	order   int // in the evaluation order of all rules; from ordered
	// misnamed says that it records a name it may not, so that nothing else needs saying of who reads the name.
	misnamed bool
}

// newItem takes a rule over from its file.
func newItem(g *group, r rulefile.Rule, p parser.Parser) *item {
	where := r.At.Expr()
	it := &item{group: g, at: r.At, Rule: Rule{
		File: g.file.name, Group: g.name, Line: where.Line, Column: where.Col, Own: !g.file.shipped,
		Record: r.Record, Alert: r.Alert, Expr: strings.TrimSpace(r.Expr),
		For: time.Duration(r.For), KeepFiringFor: time.Duration(r.KeepFiringFor),
		Labels: labels.FromMap(r.Labels), Annotations: r.Annotations,
	}}
	if e, err := p.ParseExpr(r.Expr); err == nil {
		it.setExpr(e)
	}
	if it.Alert != "" && it.expr != nil {
		if c := expr.Split(it.expr)[0]; c.Kind == expr.Compare {
			it.Value = c.Value.String()
		}
	}
	return it
}

func (it *item) setExpr(e parser.Expr) {
	it.expr = e
	expr.Inspect(e, func(n parser.Node, _ []parser.Node) {
		if s, ok := n.(*parser.VectorSelector); ok {
			it.Reads = append(it.Reads, Read{expr.ExactName(s), s.String()})
		}
	})
}

// text is the value of a label if the file fixes it, else empty.
func (it *item) text(name string) string {
	value, _ := it.fixedLabel(name)
	return value
}

// ident names the rule in messages.
func (it *item) ident() string {
	if it.Alert != "" {
		return "alert " + it.Alert
	}
	return "record " + it.Record
}

// where says file:line in messages.
func (it *item) where() string {
	return fmt.Sprintf("%s:%d", it.File, it.at.Name().Line)
}

// fault is a fault of the rule at p.
func (it *item) fault(p rulefile.Position, msg string) Fault {
	return Fault{File: it.File, Line: p.Line, Col: p.Col, Msg: it.ident() + ": " + msg}
}

// traced is the rule as its labels are traced.
func (it *item) traced() flow.Rule {
	return flow.Rule{Record: it.Record, Alert: it.Alert, Labels: it.Labels, Expr: it.expr}
}
