package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
	"chorus/rules/flow"
)

// targetLint checks the labels that the expressions of rules give to series.
type targetLint struct {
	*loader
	rules  []*item
	traces *flow.Traces // of rules
}

// lintTargets faults every rule whose series may carry a label of a server where the exporter looks for them: an alert or a
// score that does finds no partner and counts for nothing. Elsewhere it warns.
func (l *loader) lintTargets() {
	t := &targetLint{loader: l}
	var traced []flow.Rule
	l.items(func(it *item) {
		r := it.traced()
		r.Refused = it.judged() || it.group.file.shipped
		t.rules, traced = append(t.rules, it), append(traced, r)
	})
	t.traces = flow.Trace(traced, infoName)
	for i, it := range t.rules {
		out := t.traces.Of(i)
		for _, name := range flow.TargetLabels() {
			if out.Empty() || !out.May(name) {
				continue
			}
			t.reportTarget(it, name, out.From(name))
		}
		t.lintDeclared(it, out)
		if !it.group.file.shipped && !t.sets(it, out) {
			t.warnTargets(it)
		}
	}
}

// setter is the rule that sets a label.
func (t *targetLint) setter(o *flow.Origin) *item { return t.rules[o.Rule] }

// lintDeclared faults an own alert whose expression sets a label that masks, acts or holds back: only what stands under
// labels may, since it is checked when the file is loaded. A label of a metric fails the rule when it is evaluated.
func (t *targetLint) lintDeclared(it *item, out flow.Flow) {
	if it.Alert == "" || it.group.file.place != placeOwn || out.Empty() {
		return
	}
	for _, name := range flow.DeclaredLabels() {
		from := out.From(name)
		if !out.May(name) || from == nil || t.setter(from) == it && from.By == "" {
			continue
		}
		t.fault(it, it.at.Expr(), "%s; it counts only under labels: set it there, or remove it with without (%s)",
			t.text(from, it), name)
	}
}

// reportTarget reports that the series of a rule carry a label of the server's. A shipped rule that got it from an own one
// is right: the own one is at fault.
func (t *targetLint) reportTarget(it *item, name string, from *flow.Origin) {
	at, setter := it.at.Expr(), t.setter(from)
	if setter == it && it.Labels.Has(name) {
		at = it.at.Label(name)
	}
	const why = "job and instance belong to the Prometheus server"
	switch {
	case it.group.file.shipped && setter == it: // meant for a server
	case it.group.file.shipped:
		t.fault(setter, setter.at.Expr(), "%s, and the shipped %s (%s) reads the series: %s; %s",
			t.text(from, setter), it.ident(), it.where(), why, from.Fix)
	case it.judged() && it.Alert != "":
		t.fault(it, at, "%s, so the alert would not count: %s; %s", t.text(from, it), why, from.Fix)
	case it.judged():
		t.fault(it, at, "%s, so nothing would find the series: %s; %s", t.text(from, it), why, from.Fix)
	default:
		t.warn(it, at, "%s: %s; %s", t.text(from, it), why, from.Fix)
	}
}

// sets reports whether the rule itself sets one of the labels, so that nothing else needs saying of its selectors.
func (t *targetLint) sets(it *item, out flow.Flow) bool {
	return slices.ContainsFunc(flow.TargetLabels(), func(name string) bool {
		o := out.From(name)
		return o != nil && t.setter(o) == it && o.By != ""
	})
}

// text tells how the label gets into the series of a rule.
func (t *targetLint) text(o *flow.Origin, it *item) string {
	var where, by string
	if setter := t.setter(o); setter != it {
		where = fmt.Sprintf("reads %s (%s), which ", setter.name(), setter.where())
	}
	if o.By != "" {
		by = " with " + o.By
	}
	return where + "sets the label " + o.Label + by
}

// judged reports whether the exporter looks for the rule's result: an alert that speaks for a check, or a record that is
// exposed or read.
func (it *item) judged() bool {
	if it.Alert != "" {
		return it.Labels.Get("check_name") != "" || expr.Mentions(it.expr, "check_name")
	}
	return strings.HasPrefix(it.Record, "chorus_") && !strings.Contains(it.Record, ":")
}

// name is the name of the alert or of the recorded series.
func (it *item) name() string {
	if it.Alert != "" {
		return it.Alert
	}
	return it.Record
}

// warnTargets warns of selectors that ask for a label which no series has here.
func (t *targetLint) warnTargets(it *item) {
	expr.Inspect(it.expr, func(n parser.Node, _ []parser.Node) {
		s, ok := n.(*parser.VectorSelector)
		if !ok || !t.traces.Selected(s).Empty() {
			return
		}
		for _, m := range s.LabelMatchers {
			if slices.Contains(flow.TargetLabels(), m.Name) && !m.Matches("") {
				t.warn(it, it.at.Expr(), "%s selects nothing: series have no label %s here; remove it "+
					"(a metric's own label is renamed exported_%[2]s)", s, m.Name)
			}
		}
	})
}
