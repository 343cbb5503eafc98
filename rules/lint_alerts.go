package rules

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
	"chorus/rules/spelling"
)

// lintAlertReads faults own alerts that select alerts which no rule has: they would see nothing, for ever. Of a record it
// warns.
func (l *loader) lintAlertReads() {
	known := map[string]bool{} // of all files, loaded or not: a component may be configured later
	for _, f := range slices.Concat(l.files, l.spare) {
		for _, g := range f.groups {
			for _, it := range g.items {
				if it.Alert != "" {
					known[it.Alert] = true
				}
			}
		}
	}
	l.items(func(it *item) {
		if it.group.file.shipped {
			return
		}
		for _, e := range append([]parser.Expr{it.expr}, it.queries...) {
			expr.Inspect(e, func(n parser.Node, _ []parser.Node) {
				if s, ok := n.(*parser.VectorSelector); ok && (s.Name == alertsName || s.Name == alertsForState) {
					l.lintAlertRead(it, s, known)
				}
			})
		}
	})
}

func (l *loader) lintAlertRead(it *item, s *parser.VectorSelector, known map[string]bool) {
	say := l.fault
	if it.Alert == "" { // nobody takes a record without series for health
		say = l.warn
	}
	for _, m := range s.LabelMatchers {
		switch m.Name {
		case labels.AlertName:
			if !matchesAny(m, known) {
				say(it, it.at.Expr(), "%s selects no alert: unknown alert %q%s", s, m.Value, spelling.DidYouMean("alert", m.Value, known))
			}
		case alertStateLabel:
			if states := map[string]bool{"pending": true, "firing": true}; s.Name == alertsName && !matchesAny(m, states) {
				say(it, it.at.Expr(), "%s selects no alert: %s is pending or firing", s, alertStateLabel)
			}
		}
	}
}

// alertStateLabel says in ALERTS whether an alert is pending or firing.
const alertStateLabel = "alertstate"

// matchesAny reports whether a matcher lets one of the values through.
func matchesAny(m *labels.Matcher, values map[string]bool) bool {
	for v := range values {
		if m.Matches(v) {
			return true
		}
	}
	return false
}
