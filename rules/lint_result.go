package rules

import "chorus/rules/expr"

// lintResult faults an expression that can never be evaluated as a rule, such as a bare range.
func (l *loader) lintResult(it *item) {
	if it.expr == nil {
		return
	}
	if fault := expr.ResultFault(it.expr); fault != "" {
		l.fault(it, it.at.Expr(), "the expression %s", fault)
	}
}

// lintTimes faults @ with a time: the store keeps what the rules look back, not all of the past.
func (l *loader) lintTimes(it *item) {
	if fault := expr.TimeFault(it.expr); fault != "" {
		l.fault(it, it.at.Expr(), "%s", fault)
	}
}

// lintNever faults an alert that is shown never to fire: it would be a check that is always healthy.
func (l *loader) lintNever(it *item) {
	if it.Alert == "" || it.expr == nil {
		return
	}
	if why := l.metrics.Never(it.expr); why != "" {
		l.fault(it, it.at.Expr(), "the alert never fires: %s", why)
	}
}
