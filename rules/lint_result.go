package rules

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// lintResult faults an expression that can never be evaluated as a rule, such as a bare range.
func (l *loader) lintResult(it *item) {
	if it.expr == nil {
		return
	}
	if fault := resultFault(it.expr); fault != "" {
		l.fault(it, it.exprAt(), "the expression %s", fault)
	}
}

// resultFault is what is wrong with the type of an expression, empty if nothing is.
func resultFault(e parser.Expr) string {
	switch t := e.Type(); t {
	case parser.ValueTypeVector, parser.ValueTypeScalar:
		return ""
	default:
		return fmt.Sprintf("returns a %s; a rule needs an instant vector or a scalar, such as rate(x[5m])", parser.DocumentedType(t))
	}
}

// lintTimes faults @ with a time: the store keeps what the rules look back, not all of the past.
func (l *loader) lintTimes(it *item) {
	if fault := timeFault(it.expr); fault != "" {
		l.fault(it, it.exprAt(), "%s", fault)
	}
}

// timeFault is what is wrong with the first @ in an expression, empty if nothing is.
func timeFault(e parser.Expr) (fault string) {
	expr.Inspect(e, func(n parser.Node, _ []parser.Node) {
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

// lintNever faults an alert that is shown never to fire: it would be a check that is always healthy.
func (l *loader) lintNever(it *item) {
	if it.Alert == "" || it.expr == nil {
		return
	}
	if why := l.metrics.Never(it.expr); why != "" {
		l.fault(it, it.exprAt(), "the alert never fires: %s", why)
	}
}
