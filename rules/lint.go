package rules

import (
	"fmt"
	"slices"

	"chorus/rules/expr"
	"chorus/rules/rulefile"
)

// lintGroups faults group names that repeat: a failing rule is reported by the name of its group alone.
func (l *loader) lintGroups() {
	first := map[string]*group{}
	for _, g := range l.groups {
		other := first[g.name]
		if other == nil {
			first[g.name] = g
			continue
		}
		if other.file == g.file {
			continue // rulefmt has said so
		}
		l.faults = append(l.faults, Fault{
			File: g.file.name, Line: g.at.Line, Col: g.at.Col,
			Msg: fmt.Sprintf("duplicate group %q, also defined in %s:%d: rename one of the two", g.name, other.file.name, other.at.Line),
		})
	}
}

// lintRules checks what a rule alone can have wrong.
func (l *loader) lintRules() {
	measured := map[string]bool{}
	names := Names()
	l.metrics = expr.Metrics{}
	for _, n := range names {
		l.metrics[n.Name] = expr.Metric{Labels: n.Labels, Max: n.Max}
	}
	for _, n := range names {
		measured[n.Name] = n.Source == SourceMeasured
		if n.Type == "histogram" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				measured[n.Name+part] = n.Source == SourceMeasured
			}
		}
	}
	taken := l.shippedNames()
	l.items(func(it *item) {
		l.lintTimes(it)
		l.lintResult(it)
		l.lintLabels(it)
		l.lintTemplates(it)
		l.lintRanges(it)
		l.lintNever(it)
		by := ""
		if it.group.file.place == placeOwn {
			by = taken[it.Record+it.Alert]
		}
		switch {
		case by != "":
			it.misnamed = true
			l.fault(it, it.at.Name(), "%s has a rule of this name: use another name, or replace that file", by)
		case it.Alert != "":
			l.lintAlert(it)
		case it.Record == alertsName || it.Record == alertsForState:
			it.misnamed = true
			l.fault(it, it.at.Name(), "this name is reserved for alerts: use another name")
		case it.Record == infoName:
		case measured[it.Record] || l.options.Measured != nil && l.options.Measured(it.Record):
			it.misnamed = true
			l.fault(it, it.at.Name(), "the exporter already measures a metric of this name: use another name")
		}
	})
}

// shippedNames maps what an own file may not record, and how it may not name an alert, to the shipped file or its
// replacement that has a rule of the name. A second rule would add to what the file concludes: to the status, or to the
// alerts that say that a check is unknown. What every file records for its own checks is left out.
func (l *loader) shippedNames() map[string]string {
	out := map[string]string{}
	for _, f := range l.files {
		if f.place == placeOwn || f.place == placeDerived {
			continue
		}
		for _, g := range f.groups {
			for _, it := range g.items {
				if it.Alert == "" || f.place >= placeChecks {
					out[it.Record+it.Alert] = f.name
				}
			}
		}
	}
	for _, name := range []string{
		infoName, dataName, "chorus_health_check_detail", "chorus_health_key_metric", "chorus_component_health_signal",
	} {
		delete(out, name)
	}
	return out
}

// fault notes a fault of a rule.
func (l *loader) fault(it *item, at rulefile.Position, format string, args ...any) {
	l.faults = append(l.faults, it.fault(at, fmt.Sprintf(format, args...)))
}

// warn notes a fault of a rule that does not keep it from being loaded.
func (l *loader) warn(it *item, at rulefile.Position, format string, args ...any) {
	l.warnings = append(l.warnings, it.fault(at, fmt.Sprintf(format, args...)))
}

// lintAlert checks an alert's labels and annotations.
func (l *loader) lintAlert(it *item) {
	l.lintSeverities(it)
	l.lintChanging(it)
	severity, fixed := it.fixedLabel("severity")
	known := slices.Contains([]string{"critical", "warning", "info"}, severity)
	switch {
	case fixed && severity != "" && !known:
		l.fault(it, it.at.Label("severity"), "unknown severity %q: use critical, warning or info", severity)
	case it.Labels.Get("severity") == "" && it.Labels.Get("check_name") != "":
		l.fault(it, it.at.Name(), "severity: missing, the alert would not count; "+
			"use critical, warning or info")
	case it.Labels.Get("severity") == "" && expr.Mentions(it.expr, "check_name"):
		l.warn(it, it.at.Name(), "severity: missing, the alert is shown but does not count; "+
			"use critical, warning or info")
	case it.Labels.Get("check_name") == "" && it.Labels.Get("action") == "" && !expr.Mentions(it.expr, "check_name"):
		l.warn(it, it.at.Name(), "check_name: missing, the alert is shown but does not count; "+
			"add the label to assign the alert to a check")
	}
	if it.Annotations["summary"] == "" && !it.group.file.shipped {
		l.warn(it, it.at.Name(), "summary: missing, only the name of the alert is shown; add the annotation, one line")
	}
}
