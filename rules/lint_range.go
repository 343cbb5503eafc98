package rules

import (
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// Bounds on how much of the past an expression reads.
const (
	// maxSubquerySteps is how many points a subquery may compute for each series, as many as Prometheus' own API returns.
	// One with more could take all memory of the process. A subquery within others is computed for all of their ranges.
	maxSubquerySteps = 11_000
	// maxLookBack is the most that samples are kept in memory, and longLookBack what is long: every series is kept as long
	// as the rule that looks back the furthest says. At an interval of 5s and 18 bytes a sample, a day of 1,000 series
	// takes 310 MB.
	maxLookBack  = 31 * 24 * time.Hour
	longLookBack = 25 * time.Hour
)

// lintRanges faults what reads more of the past than can be kept, or the future, in the expression and in the queries of
// templates.
func (l *loader) lintRanges(it *item) {
	for _, e := range append([]parser.Expr{it.expr}, it.queries...) {
		switch back := expr.LooksBack(e); {
		case back > maxLookBack:
			l.fault(it, it.at.Expr(), "the expression looks back %s, and samples are kept in memory for %s at most: "+
				"use a shorter range or offset", model.Duration(back), model.Duration(maxLookBack))
		case back > longLookBack:
			l.warn(it, it.at.Expr(), "the expression looks back %s, so that all samples are kept in memory as long, about "+
				"300 MB a day for 1,000 series: use a shorter range or offset, or a rule on a Prometheus server", model.Duration(back))
		}
		expr.Inspect(e, func(n parser.Node, path []parser.Node) {
			var offset time.Duration
			switch n := n.(type) {
			case *parser.VectorSelector:
				offset = n.OriginalOffset
			case *parser.SubqueryExpr:
				offset = n.OriginalOffset
				l.lintSubquery(it, n, path)
			}
			if offset < 0 {
				l.fault(it, it.at.Expr(), "%s reads the future, where there are no samples: remove the negative offset", n)
			}
		})
	}
}

func (l *loader) lintSubquery(it *item, s *parser.SubqueryExpr, path []parser.Node) {
	span, within := s.Range, ""
	for _, around := range path {
		if o, ok := around.(*parser.SubqueryExpr); ok {
			span += o.Range
			within = ", with the ranges around it,"
		}
	}
	step := s.Step
	if step <= 0 {
		step = time.Minute
	}
	if span/step > maxSubquerySteps {
		l.fault(it, it.at.Expr(), "the subquery [%s:%s]%s has more than %d steps: use a shorter range or a longer step",
			model.Duration(s.Range), model.Duration(step), within, maxSubquerySteps)
	}
}
