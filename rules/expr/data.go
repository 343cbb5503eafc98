package expr

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Data is the expression that says whether there is data for all alerts of a check, given by their expressions.
func Data(alerts []parser.Expr) string {
	var terms []string
	for _, e := range alerts {
		for _, term := range measured(e) {
			if !slices.Contains(terms, term) {
				terms = append(terms, term)
			}
		}
	}
	if len(terms) == 0 {
		return Anchor
	}
	return strings.Join(terms, " and ")
}

// Anchor is an expression that has a series as long as the exporter is there.
const Anchor = "group by (job, instance) (chorus_exporter_build_info)"

// measured are the terms that say whether there is data for an alert.
func measured(e parser.Expr) []string {
	var compared, read, answered []string
	conditions := Split(e)
	for _, c := range conditions {
		if c.Kind == Absent && c.Role != Unless && c.Role != AndIf {
			answered = append(answered, series(c.Value)...)
		}
	}
	for _, c := range conditions {
		switch {
		case c.Role == Unless:
		case c.Kind == Compare:
			compared = append(compared, answerable(c, answered)...)
		case c.Kind == Opaque && compares(c.Value):
			compared = append(compared, numbersOf(series(c.Value))...)
		case c.Kind == Opaque:
			read = append(read, numbersOf(series(c.Value))...)
		}
	}
	if len(compared) > 0 {
		return append(compared, partners(e)...)
	}
	return read
}

// answerable are the terms for a comparison. Where the alert fires on the absence of all that the value reads (answered),
// it is also data that there is none of it.
func answerable(c Condition, answered []string) []string {
	terms := append(valueTerms(c), limitTerms(c)...)
	read := series(c.Value)
	if len(terms) == 0 || len(read) == 0 || slices.ContainsFunc(read, func(s string) bool { return !slices.Contains(answered, s) }) {
		return terms
	}
	return []string{fmt.Sprintf("(%s or %s unless %s)", strings.Join(terms, " and "), Anchor, exists(c.Value.String()))}
}

// valueTerms are the terms for the measured side.
func valueTerms(c Condition) []string {
	v := c.Value
	value := v.String()
	switch {
	case v.Type() != parser.ValueTypeVector || picks(v):
		return numbersOf(series(v))
	case compares(v): // 0 or 1 for whatever it compares, NaN too
		return append(numbersOf(series(v)), exists(value))
	case c.Op == "!=" && value == c.Limit.String(): // fires on NaN
		return []string{exists(value)}
	case eventful(v):
		return []string{fmt.Sprintf("(%s or %s)", numbers(v),
			strings.Join(append([]string{exists(value)}, numbersOf(series(v))...), " and "))}
	}
	return append([]string{numbers(v)}, swallowed(v)...)
}

// swallowed are the terms for what a value takes the largest or smallest of, where NaN does not show.
func swallowed(v parser.Expr) []string {
	var out []string
	Inspect(v, func(n parser.Node, _ []parser.Node) {
		a, ok := n.(*parser.AggregateExpr)
		if ok && slices.Contains([]parser.ItemType{parser.MAX, parser.MIN, parser.TOPK, parser.BOTTOMK}, a.Op) && !eventful(a.Expr) {
			out = append(out, numbers(a.Expr))
		}
	})
	return out
}

// isNumber reports whether a limit is a number whatever is measured.
func isNumber(limit parser.Expr) bool {
	v, ok := constantOf(limit)
	return ok && !math.IsNaN(v) && limit.Type() != parser.ValueTypeVector
}

// limitTerms are the terms for the other side: what is compared with nothing, or with NaN, never fires.
func limitTerms(c Condition) []string {
	switch {
	case c.Value.String() == c.Limit.String() || isNumber(c.Limit):
		return nil
	case c.Limit.Type() != parser.ValueTypeVector:
		return numbersOf([]string{"vector(" + c.Limit.String() + ")"})
	case picks(c.Limit):
		return numbersOf(series(c.Limit))
	case c.Aligned == nil || picks(c.Value):
		return []string{exists(grouped(c.Limit).String() + " >= -Inf")}
	}
	of := c.Aligned.(*parser.BinaryExpr).VectorMatching
	number := &parser.BinaryExpr{Op: parser.GTE, LHS: grouped(c.Limit), RHS: &parser.NumberLiteral{Val: math.Inf(-1)}}
	matching := &parser.VectorMatching{Card: parser.CardManyToMany, On: of.On, MatchingLabels: of.MatchingLabels}
	partner := &parser.BinaryExpr{Op: parser.LAND, LHS: grouped(c.Value), RHS: grouped(number), VectorMatching: matching}
	return []string{exists(partner.String())}
}

// exists is the term that a value has a series.
func exists(value string) string { return fmt.Sprintf("count(%s)", value) }

// numbers is the term that a value has a series and none of its series is NaN: ">= -Inf" drops NaN alone.
func numbers(value parser.Expr) string {
	return exists(value.String()) + " == " + exists(grouped(value).String()+" >= -Inf")
}

// numbersOf is numbers for calls and selectors.
func numbersOf(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, exists(v)+" == "+exists(v+" >= -Inf"))
	}
	return out
}
