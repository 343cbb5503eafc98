package flow

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// Rule is a rule whose labels are traced.
type Rule struct {
	Record, Alert string        // one of them is set
	Labels        labels.Labels // that the rule itself sets; values of an alert's may be templates
	Expr          parser.Expr   // nil if it does not parse
	// Refused reports whether a label of TargetLabels in the rule's series is a fault of this rule.
	Refused bool
}

// Fixed returns the value of a label as far as the file fixes it. For a template, and for a label that comes from the
// expression, fixed is false.
func (r Rule) Fixed(label string) (value string, fixed bool) {
	if !r.Labels.Has(label) {
		return "", false
	}
	value = r.Labels.Get(label)
	if r.Alert != "" && strings.Contains(value, "{{") {
		return "", false
	}
	return value, true
}

// Writes lists the names of the series that a rule writes.
func (r Rule) Writes() []string {
	if r.Alert != "" {
		return []string{expr.AlertsSeries, expr.AlertsForStateSeries}
	}
	return []string{r.Record}
}

// CanWrite reports whether the rule can write a series of that name which the matchers select. A label that the file fixes
// can rule it out; one that is a template or comes from the expression can't.
func (r Rule) CanWrite(name string, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		switch value, fixed := r.Fixed(m.Name); {
		case m.Name == labels.MetricName:
			if !m.Matches(name) {
				return false
			}
		case r.Alert != "" && m.Name == labels.AlertName:
			if !m.Matches(r.Alert) {
				return false
			}
		case name == expr.AlertsSeries && m.Name == "alertstate":
			if !m.Matches("pending") && !m.Matches("firing") {
				return false
			}
		case fixed && !m.Matches(value):
			return false
		}
	}
	return true
}

// maySpeak reports whether an alert may have the check_name that matchers of ALERTS ask for: by its labels or, as far as
// the expression shows, by those of its series.
func (r Rule) maySpeak(matchers []*labels.Matcher) bool {
	if r.Labels.Has("check_name") || expr.Mentions(r.Expr, "check_name") {
		return true
	}
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.Name == "check_name" && !m.Matches("") })
}
