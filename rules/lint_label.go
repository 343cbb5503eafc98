package rules

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// plainLabels decide, when the rules are loaded, which checks there are and what depends on what. A template would decide
// it at evaluation: no data would be noticed as missing, and no score would count the alert.
func plainLabels() []string {
	return []string{"check_name", "component", "depends_on", "action", "holds"}
}

// lintLabels faults templates in labels that have to be plain, and in labels of recording rules, where nothing expands
// them.
func (l *loader) lintLabels(it *item) {
	it.Labels.Range(func(label labels.Label) {
		if !strings.Contains(label.Value, "{{") {
			return
		}
		at, plain := it.at.Label(label.Name), slices.Contains(plainLabels(), label.Name)
		const notExpanded = "label %s is %q, but a recording rule does not expand templates: use plain text"
		switch {
		case it.Alert != "" && plain:
			l.fault(it, at, "%s must be plain text, not the template %q: write one rule for each value", label.Name, label.Value)
		case it.Alert != "":
		case plain || label.Name == "severity" || it.judged():
			l.fault(it, at, notExpanded, label.Name, label.Value)
		default:
			l.warn(it, at, notExpanded, label.Name, label.Value)
		}
	})
}
