package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// derivedData is the expression that says whether there is data for all alerts of a check.
func derivedData(alerts []*item) string {
	var terms []string
	for _, it := range alerts {
		if it.expr == nil {
			continue
		}
		for _, term := range measured(it.expr) {
			if !slices.Contains(terms, term) {
				terms = append(terms, term)
			}
		}
	}
	if len(terms) == 0 {
		return anchor
	}
	return strings.Join(terms, " and ")
}

// anchor is there as long as the exporter is.
const anchor = "group by (job, instance) (" + buildName + ")"

// measured are the terms that say whether there is data for an alert.
func measured(e parser.Expr) []string {
	var compared, read, answered []string
	conditions := Split(e)
	for _, c := range conditions {
		if c.Kind == Absent && c.Role != Unless && c.Role != AndIf {
			answered = append(answered, selected(c.Value)...)
		}
	}
	for _, c := range conditions {
		switch {
		case c.Role == Unless:
		case c.Kind == Compare && c.Value.Type() != parser.ValueTypeVector:
		case c.Kind == Compare && picks(c.Value):
			compared = append(compared, numbersOf(selected(c.Value))...)
		case c.Kind == Compare:
			compared = append(compared, counted(c.Value, answered))
		case c.Kind == Opaque:
			read = append(read, numbersOf(selected(c.Value))...)
		}
	}
	if len(compared) > 0 {
		return compared
	}
	return read
}

// numbers is the term that a value is there, and a number, for one series at least.
func numbers(value string) string { return fmt.Sprintf("count by (job, instance) (%s >= -Inf)", value) }

func numbersOf(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, numbers(v))
	}
	return out
}

// counted is the term for a compared value. Where the alert fires on the absence of all that it reads (answered), it is
// also data that there is none of it.
func counted(e parser.Expr, answered []string) string {
	value := grouped(e).String()
	read := selected(e)
	if len(read) == 0 || slices.ContainsFunc(read, func(s string) bool { return !slices.Contains(answered, s) }) {
		return numbers(value)
	}
	return fmt.Sprintf("(%s or %s unless count by (job, instance) (%s))", numbers(value), anchor, value)
}

// picks says whether it is an answer that a value is not there: it depends on a comparison within, as count(x == 0), or
// on alerts, which are there only while they are active.
func picks(e parser.Expr) bool {
	found := false
	inspect(e, func(n parser.Node, _ []parser.Node) {
		switch n := n.(type) {
		case *parser.BinaryExpr:
			found = found || n.Op.IsComparisonOperator() && !n.ReturnBool
		case *parser.VectorSelector:
			found = found || isAlerts(n)
		}
	})
	return found
}

func isAlerts(s *parser.VectorSelector) bool { return s.Name == alertsName || s.Name == alertsForState }

// selected are the series an expression reads, each as it is now; alerts apart.
func selected(e parser.Expr) []string {
	var out []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok && !isAlerts(s) {
			now := parser.VectorSelector{Name: s.Name, LabelMatchers: s.LabelMatchers}
			out = append(out, now.String())
		}
		return nil
	})
	return out
}
