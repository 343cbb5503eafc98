package expr

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
)

// ResultFault returns what is wrong with the type of an expression, "" if a rule may have it.
func ResultFault(e parser.Expr) string {
	switch t := e.Type(); t {
	case parser.ValueTypeVector, parser.ValueTypeScalar:
		return ""
	default:
		return fmt.Sprintf("returns a %s; a rule needs an instant vector or a scalar, such as rate(x[5m])", parser.DocumentedType(t))
	}
}

// TimeFault returns what is wrong with the first @ in an expression, "" if nothing is.
func TimeFault(e parser.Expr) (fault string) {
	Inspect(e, func(n parser.Node, _ []parser.Node) {
		var at *int64
		switch n := n.(type) {
		case *parser.VectorSelector:
			at = n.Timestamp
		case *parser.SubqueryExpr:
			at = n.Timestamp
		}
		if at != nil && fault == "" {
			fault = fmt.Sprintf("%s uses @ with a fixed time, but only recent samples are kept: use offset", n)
		}
	})
	return fault
}
