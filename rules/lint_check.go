package rules

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// lintChecks checks that all rules of a check say the same of it.
func (l *loader) lintChecks() {
	all := collect(l.groups)
	for _, d := range all {
		if len(d.info) > 0 {
			l.lintInfo(d)
		} else if len(d.data) > 0 && !slices.Contains(l.options.Probes, d.Name) && ownAlone(d) {
			l.fault(d.data[0], d.data[0].at.Name(), "check %q has data but is not declared: "+
				"record %s too, or remove this rule to have both derived", d.Name, infoName)
		}
		l.lintComponent(d)
		l.lintOK(d)
	}
}

// ownAlone reports whether nothing shipped speaks for the check: what is shipped may speak for a probe that is not there.
func ownAlone(d *declaration) bool {
	for _, it := range slices.Concat(d.info, d.data, d.alerts) {
		if it.group.file.place != placeOwn {
			return false
		}
	}
	return true
}

// lintInfo checks the rule that declares a check.
func (l *loader) lintInfo(d *declaration) {
	info := d.info[0]
	if slices.Contains(l.options.Probes, d.Name) {
		l.fault(info, info.at.Label("check_name"), "check %q is a probe, which needs no declaration: "+
			"remove this rule or use another check_name", d.Name)
	}
	for _, other := range d.info[1:] {
		l.fault(other, other.at.Label("check_name"), "duplicate declaration of check %q, first declared in %s: "+
			"remove one of the two", d.Name, info.where())
	}
	if info.text("component") == "" {
		l.fault(info, info.at.Name(), "component: missing; add the label with the subsystem of the check")
	}
	if kind := info.text("kind"); kind != "rule" {
		l.fault(info, info.at.Label("kind"), "invalid kind %q: use rule", kind)
	}
	if len(d.data) == 0 {
		l.fault(info, info.at.Name(), "check %q is declared but has no data, so it would stay unknown: "+
			"record %s too, or remove this rule to have both derived", d.Name, dataName)
	}
	l.lintCritical(d, info)
	l.lintAnchor(d, info)
}

// lintAnchor warns where the declaration of a check goes with what it measures: the check would vanish, not fail.
func (l *loader) lintAnchor(d *declaration, info *item) {
	anchored := info.expr == nil || info.group.file.shipped
	var reads []string
	expr.Inspect(info.expr, func(n parser.Node, _ []parser.Node) {
		if s, ok := n.(*parser.VectorSelector); ok {
			reads = append(reads, s.Name)
			anchored = anchored || strings.HasPrefix(s.Name, "chorus_")
		}
	})
	if !anchored && len(reads) > 0 {
		l.warn(info, info.at.Expr(), "check %q vanishes when %s does, instead of becoming unknown: declare it with "+
			"group by (job, instance) (%s)", d.Name, reads[0], buildName)
	}
}

// lintCritical compares what the info series says with the severities of the check's alerts.
func (l *loader) lintCritical(d *declaration, info *item) {
	says := info.text("critical")
	if says != "true" && says != "false" {
		l.fault(info, info.at.Label("critical"), `invalid critical %q: use "true" or "false"`, says)
		return
	}
	critical := false
	for _, it := range d.alerts {
		severity := l.severities(it)
		if severity.known && severity.may("critical") && says == "false" {
			l.fault(it, it.at.Label("severity"), "severity is critical, but %s declares check %q as not critical: "+
				"change one of the two, or use another check_name", info.where(), d.Name)
			return
		}
		critical = critical || severity.may("critical")
	}
	if says == "true" && len(d.alerts) > 0 && !critical {
		l.fault(info, info.at.Label("critical"), "critical is \"true\", but check %q has no alert with severity critical: "+
			"change one of the two", d.Name)
	}
}

// lintComponent checks that all rules of a check name one component. Data and details need not name any.
func (l *loader) lintComponent(d *declaration) {
	var first *item
	for _, it := range slices.Concat(d.info, d.alerts) {
		component := it.text("component")
		if component == "" {
			continue
		}
		if first == nil {
			first = it
			continue
		}
		if named := first.text("component"); named != component {
			l.fault(it, it.at.Label("component"), "component is %q, but %s has %q for check %q: change one of the two",
				component, first.where(), named, d.Name)
		}
	}
}

// lintOK checks that at most one alert of a check brings the message while nothing fires.
func (l *loader) lintOK(d *declaration) {
	var first *item
	for _, it := range d.alerts {
		if it.Annotations["ok"] == "" {
			continue
		}
		if first == nil {
			first = it
			continue
		}
		l.fault(it, it.at.Annotation("ok"), "duplicate annotation ok for check %q, first set in %s: keep one", d.Name, first.where())
	}
}
