package rules

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// Rules are evaluated one after the other at one timestamp. A rule that reads what itself or a later rule writes would
// see the value of the evaluation before, or none. That is meant only where it is said, by a range or an offset.

// lintOrder faults every such read.
func (l *loader) lintOrder(rules []*item) {
	byName := map[string][]*item{}
	for _, it := range rules {
		if it.misnamed {
			continue
		}
		for _, name := range it.writes() {
			byName[name] = append(byName[name], it)
		}
	}
	for _, r := range rules {
		if r.group.place == placeDerived { // what it reads, the alert reads, and says so; the value before is as good
			continue
		}
		expr.Inspect(r.expr, func(n parser.Node, path []parser.Node) {
			s, ok := n.(*parser.VectorSelector)
			if !ok || s.OriginalOffset > 0 || expr.InRange(path) {
				return
			}
			w := laterWriter(r, s, byName)
			if w == nil || w == r && r.Labels.Get("action") != "" { // lintAction says so, with a better fix
				return
			}
			l.faultOrder(r, s, w)
		})
	}
}

// laterWriter is the first rule, from r on, that can write what s selects.
func laterWriter(r *item, s *parser.VectorSelector, byName map[string][]*item) *item {
	var first *item
	look := func(name string) {
		writers := byName[name] // in evaluation order
		from, _ := slices.BinarySearchFunc(writers, r.order, func(w *item, order int) int { return w.order - order })
		for _, w := range writers[from:] {
			if r.Labels.Get("action") != "" && w.Labels.Get("holds") != "" {
				continue // lintAction says so, with a better fix
			}
			if w.canWrite(name, s.LabelMatchers) {
				if first == nil || w.order < first.order {
					first = w
				}
				return
			}
		}
	}
	if name := expr.ExactName(s); name != "" {
		look(name)
		return first
	}
	for name := range byName {
		look(name)
	}
	return first
}

func (l *loader) faultOrder(r *item, s *parser.VectorSelector, w *item) {
	const fix = "or read the value of the last evaluation with offset 1s"
	switch {
	case r == w:
		l.fault(r, r.at.Expr(), "reads %s, which this rule writes: remove it, %s", s, fix)
	case w.Line == 0:
		l.fault(r, r.at.Expr(), "reads %s, which is derived later for check %q (%s): remove it, %s",
			s, w.text("check_name"), w.where(), fix)
	default:
		l.fault(r, r.at.Expr(), "reads %s, which %s writes later (%s): move that rule up, %s", s, w.ident(), w.where(), fix)
	}
}

// writes are the names of the series that a rule writes.
func (it *item) writes() []string {
	if it.Alert != "" {
		return []string{alertsName, alertsForState}
	}
	return []string{it.Record}
}

// canWrite reports whether the rule can write a series of that name which the matchers select. A label that the file fixes
// can rule it out; one that is a template or comes from the expression can't.
func (it *item) canWrite(name string, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		switch value, fixed := it.fixedLabel(m.Name); {
		case m.Name == labels.MetricName:
			if !m.Matches(name) {
				return false
			}
		case it.Alert != "" && m.Name == labels.AlertName:
			if !m.Matches(it.Alert) {
				return false
			}
		case name == alertsName && m.Name == "alertstate":
			if !m.Matches("pending") && !m.Matches("firing") {
				return false
			}
		case fixed && !m.Matches(value):
			return false
		}
	}
	return true
}
