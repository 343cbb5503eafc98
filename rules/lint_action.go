package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// lintActions checks the rules that do something when they fire: they must never do it from no data, at once, or
// because of themselves.
func (l *loader) lintActions(rules []*item) {
	var actions []*item
	for _, it := range rules {
		if it.Alert != "" && it.Labels.Get("action") != "" {
			actions = append(actions, it)
		}
	}
	for _, it := range actions {
		l.lintAction(it)
		if it.expr != nil {
			l.lintActionExpr(it, actions)
		}
	}
}

func (l *loader) lintAction(it *item) {
	name, fixed := it.fixedLabel("action")
	switch bound := slices.Sorted(slices.Values(l.options.Actions)); {
	case !fixed:
		l.fault(it, it.labelAt("action"), "action is a template: name one action")
	case it.group.file.shipped: // it shows what would be done, whether or not somebody does it
	case len(bound) == 0:
		l.fault(it, it.labelAt("action"), "action %q is bound to nothing, and no other action is bound: remove the rule", name)
	case !slices.Contains(bound, name):
		l.fault(it, it.labelAt("action"), "action %q is bound to nothing: use %s", name, strings.Join(bound, ", "))
	}
	if it.For <= 0 {
		l.fault(it, it.at.name(), "an action needs for: add how long its reason must last")
	}
	if severity := it.text("severity"); severity != "info" {
		l.fault(it, it.labelAt("severity"), "an action has severity info, since it follows from alerts that already count: "+
			"change severity")
	}
}

// saysUnknown are the shipped alerts that say that nothing is known of a check.
func saysUnknown() []string { return []string{"CheckNoData", "CheckStale"} }

// lintActionExpr checks what an action rule reads.
func (l *loader) lintActionExpr(it *item, actions []*item) {
	forbidden := map[string]bool{}
	readsAlerts := false
	startsFrom, heldBack := []*parser.VectorSelector{}, map[string]bool{}
	inspect(it.expr, func(n parser.Node, path []parser.Node) {
		switch n := n.(type) {
		case *parser.Call:
			switch n.Func.Name {
			case "absent", "absent_over_time", "vector":
				forbidden[n.Func.Name] = true
			}
		case *parser.VectorSelector:
			if n.Name != alertsName {
				return
			}
			readsAlerts = true
			if !excludesActions(n, actions) {
				l.fault(it, it.exprAt(), `%s may select alerts of actions, this one among them: add action=""`, n)
			}
			if !behindUnless(n, path) {
				startsFrom = append(startsFrom, n)
				return
			}
			for _, name := range saysUnknown() {
				heldBack[name] = heldBack[name] || selectsAlert(n, name)
			}
		}
	})
	for _, s := range startsFrom {
		from := slices.DeleteFunc(saysUnknown(), func(name string) bool { return heldBack[name] || !selectsAlert(s, name) })
		if len(from) > 0 {
			l.fault(it, it.exprAt(), "%s may select %s, and an action never follows from no data: "+
				`add alertname!~"CheckStale|CheckNoData"`, s, strings.Join(from, " and "))
		}
	}
	if !readsAlerts {
		l.fault(it, it.exprAt(), "an action reads ALERTS, so that it inherits every threshold: start from "+
			`ALERTS{action="", alertname!~"CheckStale|CheckNoData"}`)
	}
	for _, name := range slices.Sorted(maps.Keys(forbidden)) {
		l.fault(it, it.exprAt(), "an action never follows from no data: remove %s()", name)
	}
}

// behindUnless says whether a node stands on the right of an unless.
func behindUnless(n parser.Node, path []parser.Node) bool {
	for i, around := range path {
		below := n
		if i+1 < len(path) {
			below = path[i+1]
		}
		if b, ok := around.(*parser.BinaryExpr); ok && b.Op == parser.LUNLESS && b.RHS == below {
			return true
		}
	}
	return false
}

// selectsAlert says whether a selector of ALERTS may select alerts of that name.
func selectsAlert(s *parser.VectorSelector, name string) bool {
	return !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == "alertname" && !m.Matches(name)
	})
}

// excludesActions says whether a selector of ALERTS leaves out every alert of an action: it asks for none, or for
// alerts by names that none of them has.
func excludesActions(s *parser.VectorSelector, actions []*item) bool {
	for _, m := range s.LabelMatchers {
		if m.Name == "action" && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp) && m.Value == "" {
			return true
		}
	}
	return slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == "alertname" && !slices.ContainsFunc(actions, func(a *item) bool { return m.Matches(a.Alert) })
	})
}
