package rules

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// lookback is how old a sample may be that an instant selector still takes: the engine's default, which promtool has too.
const lookback = 5 * time.Minute

// retention is how far back the rules look, with the queries in their templates.
func retention(rules []*item) time.Duration {
	longest := lookback
	for _, it := range rules {
		longest = max(longest, looksBack(it.expr))
		for _, q := range it.queries {
			longest = max(longest, looksBack(q))
		}
	}
	return longest
}

// looksBack is how far back an expression looks: ranges, subqueries and offsets around one selector add up.
func looksBack(e parser.Expr) time.Duration {
	var longest time.Duration
	inspect(e, func(n parser.Node, path []parser.Node) {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return
		}
		sum := lookback + s.OriginalOffset
		for _, around := range path {
			switch a := around.(type) {
			case *parser.MatrixSelector:
				sum += a.Range
			case *parser.SubqueryExpr:
				sum += a.Range + a.OriginalOffset
			}
		}
		longest = max(longest, sum)
	})
	return longest
}
