package rules

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// An own alert with a check_name may leave the rest to us. What is derived from all alerts of the check:
//
//   - that it exists: chorus_health_check_info, anchored on the exporter itself, with the component of the alerts (else
//     "other") and critical if one of them is;
//   - that there is data: chorus_health_check_data. It is there while every comparison that the alerts make can be
//     answered, what stands behind an unless apart: the measured side has series, none of them is NaN, and the other side
//     has a partner for one of them. An alert that can't see is not quiet.
//
// NaN is an answer where it may mean that nothing happened, as in a quantile, a quotient or a mean over a range: then all
// series that the value is made of must be there and be numbers.
//
// Absence is an answer where the alert tests whether a series is there (a bare series, absent()), where the value depends
// on a comparison, as in count(a > 3) > 2, and of ALERTS: then there is data while the series that it reads are there,
// those in absent() apart. An alert that is absent() alone has data as soon as it is evaluated. Whoever wants it otherwise
// records both series in the file, and nothing is derived.

// derivable reports whether a check consists of own alerts alone.
func (l *loader) derivable(d *declaration) bool {
	if len(d.info)+len(d.data) > 0 || slices.Contains(l.options.Probes, d.Name) {
		return false
	}
	return len(d.alerts) > 0 && !slices.ContainsFunc(d.alerts, func(it *item) bool { return it.group.file.place != placeOwn })
}

// derive adds the rules of derivable checks, each in a group named after its check, behind the own rules and before
// the checks that read them.
func (l *loader) derive() {
	var derived []*group
	for _, d := range l.checks {
		if len(d.info) > 0 {
			continue
		}
		first := d.alerts[0]
		g := &group{name: l.freeName(d.Name), file: first.group.file, place: placeDerived}
		info := labels.FromStrings("check_name", d.Name, "component", d.Component,
			"critical", strconv.FormatBool(d.Critical), "kind", "rule")
		g.items = []*item{
			l.derived(g, first, infoName, expr.Anchor, info),
			l.derived(g, first, dataName, expr.Data(expressions(d.alerts)), labels.FromStrings("check_name", d.Name)),
		}
		derived = append(derived, g)
	}
	l.groups = append(l.groups, derived...)
	slices.SortStableFunc(l.groups, func(a, b *group) int { return int(a.place) - int(b.place) })
}

// expressions are those of rules that parse.
func expressions(rules []*item) (out []parser.Expr) {
	for _, it := range rules {
		if it.expr != nil {
			out = append(out, it.expr)
		}
	}
	return out
}

// freeName is the check's name unless a group has it.
func (l *loader) freeName(name string) string {
	for slices.ContainsFunc(l.groups, func(g *group) bool { return g.name == name }) {
		name += "-derived"
	}
	return name
}

// derived is a recording rule of ours. Faults that it has are the alert's.
func (l *loader) derived(g *group, from *item, record, expr string, ls labels.Labels) *item {
	it := &item{group: g, at: from.at, Rule: Rule{File: g.file.name, Group: g.name, Record: record, Expr: expr, Labels: ls}}
	if e, err := l.parser.ParseExpr(expr); err == nil {
		it.setExpr(e)
	} else {
		l.faults = append(l.faults, from.fault(from.at.Expr(), fmt.Sprintf(
			"failed to derive data from the expression: %v; record %s and %s in the file", err, infoName, dataName)))
	}
	return it
}
