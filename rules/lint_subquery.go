package rules

import (
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxSubquerySteps is how many points a subquery may compute for each series, as many as Prometheus' own API returns. One
// with more could take all memory of the process.
const maxSubquerySteps = 11_000

// lintSubqueries faults a subquery of too many steps, in the expression and in the queries of templates.
func (l *loader) lintSubqueries(it *item) {
	for _, e := range append([]parser.Expr{it.expr}, it.queries...) {
		inspect(e, func(n parser.Node, _ []parser.Node) {
			s, ok := n.(*parser.SubqueryExpr)
			if !ok {
				return
			}
			step := s.Step
			if step <= 0 {
				step = time.Minute
			}
			if s.Range/step > maxSubquerySteps {
				l.fault(it, it.exprAt(), "the subquery [%s:%s] has more than %d steps: use a shorter range or a longer step",
					model.Duration(s.Range), model.Duration(step), maxSubquerySteps)
			}
		})
	}
}
