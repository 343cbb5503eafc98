package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// severities that a label may give: outcomes are all that are possible, and known says that there are no others than
// those.
type severities struct {
	outcomes []string
	known    bool
}

// may reports whether the alert may have the severity.
func (s severities) may(severity string) bool {
	return !s.known || slices.Contains(s.outcomes, severity)
}

// severities are those that an alert may have by its label.
func (l *loader) severities(it *item) severities {
	text, fixed := it.fixedLabel("severity")
	if fixed {
		return severities{[]string{text}, true}
	}
	outcomes, known := l.templates.Outcomes(it.Labels.Get("severity"))
	return severities{outcomes, known}
}

// lintSeverities faults a template that may become a severity that nobody knows.
func (l *loader) lintSeverities(it *item) {
	if _, fixed := it.fixedLabel("severity"); fixed || !it.Labels.Has("severity") {
		return
	}
	var unknown []string
	for _, text := range l.severities(it).outcomes {
		if !slices.Contains([]string{"critical", "warning", "info"}, text) {
			unknown = append(unknown, strconv.Quote(text))
		}
	}
	if len(unknown) > 0 {
		l.fault(it, it.at.Label("severity"), "severity may become %s: use critical, warning or info", strings.Join(unknown, " or "))
	}
}

// lintChanging faults a label that prints the alert's value: with every change it is another alert, whose `for` begins again,
// so that it never fires.
func (l *loader) lintChanging(it *item) {
	if it.For <= 0 {
		return
	}
	it.Labels.Range(func(label labels.Label) {
		if !strings.Contains(label.Value, "{{") {
			return
		}
		if l.templates.PrintsValue(label.Value) {
			l.fault(it, it.at.Label(label.Name), "label %s changes with the value, so \"for\" starts again with every change and the "+
				"alert does not fire: put the value into an annotation", label.Name)
		}
	})
}
