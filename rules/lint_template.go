package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules/rulefile"
)

// lintTemplates faults templates that can't be expanded, in labels and annotations, and notes what they query.
func (l *loader) lintTemplates(it *item) {
	if it.Alert == "" {
		return
	}
	it.Labels.Range(func(label labels.Label) {
		l.lintTemplate(it, it.at.Label(label.Name), "label "+label.Name, label.Value)
	})
	for _, name := range slices.Sorted(maps.Keys(it.Annotations)) {
		l.lintTemplate(it, it.at.Annotation(name), "annotation "+name, it.Annotations[name])
	}
}

func (l *loader) lintTemplate(it *item, at rulefile.Position, what, text string) {
	if !strings.Contains(text, "{{") {
		return
	}
	t := l.templates.Read(text)
	for _, fault := range t.Faults {
		l.fault(it, at, "%s: %s", what, fault)
	}
	for _, q := range t.Queries {
		if e, err := l.parser.ParseExpr(q); err == nil {
			it.queries = append(it.queries, e)
		}
	}
}
