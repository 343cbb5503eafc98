package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// targetLabels tell the targets of a server apart. Series carry neither here, since there is one target; the shipped
// rules join by both, so that they work on a server too.
func targetLabels() []string { return []string{model.JobLabel, model.InstanceLabel} }

// lintTargets faults every rule whose series may carry such a label where the exporter looks for them: an alert or a
// score that does finds no partner and counts for nothing. Elsewhere it warns.
func (l *loader) lintTargets() {
	var all []*item
	l.items(func(it *item) { all = append(all, it) })
	f := traceRules(all)
	for _, it := range all {
		out := f.of[it]
		for i, name := range targetLabels() {
			if out.empty() || out.ways[i]&present == 0 {
				continue
			}
			l.reportTarget(it, name, out.from[i])
		}
		l.lintDeclared(it, out)
		if !it.group.file.shipped && !out.sets(it) {
			l.warnTargets(it, f)
		}
	}
}

// lintDeclared faults an own alert whose expression sets a label that masks, acts or holds back: only what stands under
// labels may, since it is checked when the file is loaded. A label of a metric fails the rule when it is evaluated.
func (l *loader) lintDeclared(it *item, out flow) {
	if it.Alert == "" || it.group.file.place != placeOwn || out.empty() {
		return
	}
	for i, name := range tracedLabels() {
		from := out.from[i]
		if i < len(targetLabels()) || out.ways[i]&present == 0 || from == nil || from.rule == it && from.by == "" {
			continue
		}
		l.fault(it, it.at.Expr(), "%s; it counts only under labels: set it there, or remove it with without (%s)",
			from.text(it), name)
	}
}

// reportTarget reports that the series of a rule carry a label of the server's. A shipped rule that got it from an own one
// is right: the own one is at fault.
func (l *loader) reportTarget(it *item, name string, from *origin) {
	at := it.at.Expr()
	if from.rule == it && it.Labels.Has(name) {
		at = it.at.Label(name)
	}
	const why = "job and instance belong to the Prometheus server"
	switch {
	case it.group.file.shipped && from.rule == it: // meant for a server
	case it.group.file.shipped:
		l.fault(from.rule, from.rule.at.Expr(), "%s, and the shipped %s (%s) reads the series: %s; %s",
			from.text(from.rule), it.ident(), it.where(), why, from.fix)
	case it.judged() && it.Alert != "":
		l.fault(it, at, "%s, so the alert would not count: %s; %s", from.text(it), why, from.fix)
	case it.judged():
		l.fault(it, at, "%s, so nothing would find the series: %s; %s", from.text(it), why, from.fix)
	default:
		l.warn(it, at, "%s: %s; %s", from.text(it), why, from.fix)
	}
}

// sets reports whether the rule itself sets one of the labels, so that nothing else needs saying of its selectors.
func (f flow) sets(it *item) bool {
	return slices.ContainsFunc(f.from[:len(targetLabels())], func(o *origin) bool { return o != nil && o.rule == it && o.by != "" })
}

// text tells how the label gets into the series of a rule.
func (o *origin) text(it *item) string {
	var where, by string
	if o.rule != it {
		where = fmt.Sprintf("reads %s (%s), which ", o.rule.name(), o.rule.where())
	}
	if o.by != "" {
		by = " with " + o.by
	}
	return where + "sets the label " + o.label + by
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
func (l *loader) warnTargets(it *item, f *flows) {
	expr.Inspect(it.expr, func(n parser.Node, _ []parser.Node) {
		s, ok := n.(*parser.VectorSelector)
		if !ok || !f.selected(s).empty() {
			return
		}
		for _, m := range s.LabelMatchers {
			if slices.Contains(targetLabels(), m.Name) && !m.Matches("") {
				l.warn(it, it.at.Expr(), "%s selects nothing: series have no label %s here; remove it "+
					"(a metric's own label is renamed exported_%[2]s)", s, m.Name)
			}
		}
	})
}
