package expr

import (
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Lookback is how old a sample may be that an instant selector still takes: the engine's default, which promtool has too.
const Lookback = 5 * time.Minute

// LooksBack is how far back an expression looks: ranges, subqueries and offsets around one selector add up.
func LooksBack(e parser.Expr) time.Duration {
	var longest time.Duration
	Inspect(e, func(n parser.Node, path []parser.Node) {
		s, ok := n.(*parser.VectorSelector)
		if !ok {
			return
		}
		sum := Lookback + s.OriginalOffset
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
