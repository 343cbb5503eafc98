package rules

import (
	"slices"
	"strings"
)

// lintActions checks the rules that do something when they fire: they must never do it from no data, at once, or
// because of themselves.
func (l *loader) lintActions(rules []*item) {
	var actions, holding, recorded []*item
	for _, it := range rules {
		switch {
		case it.Alert == "":
			recorded = append(recorded, it)
		case it.Labels.Get("action") != "":
			actions = append(actions, it)
		case it.Labels.Get("holds") != "":
			holding = append(holding, it)
		}
	}
	for _, it := range actions {
		l.lintAction(it)
		if it.expr != nil {
			newActionLint(l, it, actions, holding, recorded).lint()
		}
	}
}

func (l *loader) lintAction(it *item) {
	name, fixed := it.fixedLabel("action")
	switch bound := slices.Sorted(slices.Values(l.options.Actions)); {
	case !fixed: // lintLabels says so
	case it.group.file.shipped: // it shows what would be done, whether or not somebody does it
	case len(bound) == 0:
		l.fault(it, it.at.Label("action"), "unknown action %q, and no actions are available: remove the rule", name)
	case !slices.Contains(bound, name):
		l.fault(it, it.at.Label("action"), "unknown action %q: use %s", name, strings.Join(bound, ", "))
	}
	if it.For <= 0 {
		l.fault(it, it.at.Name(), "for: missing; an action needs it, so that it does not start at once")
	}
	if severity := it.text("severity"); severity != "info" {
		l.fault(it, it.at.Label("severity"), "severity of an action must be info, since the alerts that cause "+
			"the action already count")
	}
}
