package rules

import "github.com/prometheus/prometheus/promql/parser"

// lintResult faults an expression that can never be evaluated as a rule, such as a bare range.
func (l *loader) lintResult(it *item) {
	if it.expr == nil {
		return
	}
	switch t := it.expr.Type(); t {
	case parser.ValueTypeVector, parser.ValueTypeScalar:
	default:
		l.fault(it, it.exprAt(), "the expression gives a %s, of which no rule can be made: "+
			"make it a value for each series, as in rate(x[5m])", parser.DocumentedType(t))
	}
}
