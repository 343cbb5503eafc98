package rules

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"chorus/rules/expr"
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
	at       position
	labels   yaml.Node // of all its rules
	items    []*item
}

// item is a rule on its way into a Set: with its syntax tree and with where its parts stand in the file.
type item struct {
	Rule
	group *group
	expr  parser.Expr // nil if it does not parse, which is a fault by then
	// queries are those in its templates, as far as they are known.
	queries []parser.Expr
	at      rulePosition
	order   int // in the evaluation order of all rules; from ordered
	// misnamed says that it records a name it may not, so that nothing else needs saying of who reads the name.
	misnamed bool
}

// newItem takes a rule over from rulefmt. Labels of the group hold for every rule that does not set them itself.
func newItem(g *group, groupLabels map[string]string, r rulefmt.Rule, at rulePosition, p parser.Parser) *item {
	all := map[string]string{}
	maps.Copy(all, groupLabels)
	maps.Copy(all, r.Labels)
	where := of(at.Expr, at.at)
	it := &item{group: g, at: at, Rule: Rule{
		File: g.file.name, Group: g.name, Line: where.line, Column: where.col, Own: !g.file.shipped,
		Record: r.Record, Alert: r.Alert, Expr: strings.TrimSpace(r.Expr),
		For: time.Duration(r.For), KeepFiringFor: time.Duration(r.KeepFiringFor),
		Labels: labels.FromMap(all), Annotations: r.Annotations,
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
	return fmt.Sprintf("%s:%d", it.File, it.at.name().line)
}

// fault is a fault of the rule at p.
func (it *item) fault(p position, msg string) Fault {
	return Fault{File: it.File, Line: p.line, Col: p.col, Msg: it.ident() + ": " + msg}
}

// labelAt is where a label of the rule or its group stands, the rule's name if the file does not show it.
func (it *item) labelAt(name string) position {
	for _, node := range []yaml.Node{it.at.Labels, it.group.labels} {
		if p, ok := entry(node, name); ok {
			return p
		}
	}
	return it.at.name()
}

// exprAt is where the expression stands.
func (it *item) exprAt() position { return of(it.at.Expr, it.at.at) }
