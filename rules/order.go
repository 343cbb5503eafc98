package rules

import (
	"slices"

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
		for _, name := range it.traced().Writes() {
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
			if w.traced().CanWrite(name, s.LabelMatchers) {
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
