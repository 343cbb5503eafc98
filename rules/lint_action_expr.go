package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
	"chorus/rules/rulefile"
)

// saysUnknown are the shipped alerts that say that nothing is known of a check.
func saysUnknown() []string { return []string{"CheckNoData", "CheckStale"} }

// unknowns are alerts of saysUnknown, one bit each.
type unknowns uint8

// actionLint checks what one action rule reads, and what the recording rules read that it rests on, to whatever depth: an
// action must not get by a step in between what it may not do itself.
type actionLint struct {
	*loader
	it                *item
	actions, holding  []*item // all alerts of actions, and those that say what holds one back
	recorded          []*item // all recording rules
	writers           map[string][]*item
	seen              map[actionVisit]bool
	forbidden         map[string]string // functions that make something of nothing, and where they stand
	reported          map[string]bool
	startsFromAnAlert bool
}

// actionVisit is one way to come to a recording rule: with which unknown checks are held back on the way, and whether
// behind an unless.
type actionVisit struct {
	rule   *item
	held   unknowns
	behind bool
}

func newActionLint(l *loader, it *item, actions, holding, recorded []*item) *actionLint {
	return &actionLint{
		loader: l, it: it, actions: actions, holding: holding, recorded: recorded,
		writers: map[string][]*item{}, seen: map[actionVisit]bool{},
		forbidden: map[string]string{}, reported: map[string]bool{},
	}
}

func (a *actionLint) lint() {
	a.walk(actionVisit{rule: a.it})
	if !a.startsFromAnAlert {
		a.fault(a.it, a.it.at.Expr(), "an action must read ALERTS: start from "+
			`ALERTS{action="", holds="", alertname!~"CheckStale|CheckNoData"}`)
	}
	for _, name := range slices.Sorted(maps.Keys(a.forbidden)) {
		a.fault(a.it, a.it.at.Expr(), "%san action must not start for lack of data: remove %s()", a.forbidden[name], name)
	}
}

// walk checks the expression of a rule and, from there, those of the rules that record what it reads.
func (a *actionLint) walk(v actionVisit) {
	if a.seen[v] {
		return
	}
	a.seen[v] = true
	v.held |= a.heldBack(v.rule, v.behind, map[*item]bool{})
	expr.Inspect(v.rule.expr, func(n parser.Node, path []parser.Node) {
		switch n := n.(type) {
		case *parser.Call:
			switch n.Func.Name {
			case "absent", "absent_over_time", "vector":
				if _, found := a.forbidden[n.Func.Name]; !found {
					a.forbidden[n.Func.Name] = a.through(v.rule)
				}
			}
		case *parser.VectorSelector:
			behind := v.behind || expr.BehindUnless(n, path)
			if expr.MayRead(n, alertsName) {
				a.lintAlerts(n, actionVisit{v.rule, v.held, behind})
			}
			for _, w := range a.writersOf(n) {
				a.walk(actionVisit{w, v.held, behind})
			}
		}
	})
}

// lintAlerts checks one selector of ALERTS.
func (a *actionLint) lintAlerts(s *parser.VectorSelector, v actionVisit) {
	switch {
	case !excludesActions(s, a.actions):
		a.once(a.fault, v.rule, "%s may select alerts of actions, such as this one: add action=\"\"", s)
	case !excludes(s, a.holding):
		a.once(a.warn, v.rule, "%s may select alerts with the label holds, from the last evaluation: "+
			"add holds=\"\"", s)
	}
	if v.behind {
		return
	}
	a.startsFromAnAlert = true
	var from []string
	for i, name := range saysUnknown() {
		if v.held&(1<<i) == 0 && selectsAlert(s, name) {
			from = append(from, name)
		}
	}
	if len(from) > 0 {
		a.once(a.fault, v.rule, "%s may select "+strings.Join(from, " and ")+", but an action must not start for lack of data: "+
			`add alertname!~"CheckStale|CheckNoData"`, s)
	}
}

// heldBack are the alerts of unknown checks that a rule reads behind an unless, by itself or through what it reads there.
func (a *actionLint) heldBack(r *item, behind bool, on map[*item]bool) (held unknowns) {
	if on[r] {
		return 0
	}
	on[r] = true
	expr.Inspect(r.expr, func(n parser.Node, path []parser.Node) {
		s, ok := n.(*parser.VectorSelector)
		if !ok || !behind && !expr.BehindUnless(s, path) {
			return
		}
		if expr.MayRead(s, alertsName) {
			for i, name := range saysUnknown() {
				if selectsAlert(s, name) {
					held |= 1 << i
				}
			}
		}
		for _, w := range a.writersOf(s) {
			held |= a.heldBack(w, true, on)
		}
	})
	return held
}

// writersOf are the recording rules whose series a selector may select.
func (a *actionLint) writersOf(s *parser.VectorSelector) []*item {
	key := s.String()
	writers, ok := a.writers[key]
	if !ok {
		for _, r := range a.recorded {
			if expr.MayRead(s, r.Record) && r.traced().CanWrite(r.Record, s.LabelMatchers) {
				writers = append(writers, r)
			}
		}
		a.writers[key] = writers
	}
	return writers
}

// once reports what is wrong with what the action reads, at the action: the rule where it stands is right by itself.
func (a *actionLint) once(report func(*item, rulefile.Position, string, ...any), where *item, format string, args ...any) {
	msg := a.through(where) + fmt.Sprintf(format, args...)
	if !a.reported[msg] {
		a.reported[msg] = true
		report(a.it, a.it.at.Expr(), "%s", msg)
	}
}

// through begins a message on what stands in a rule that the action rests on.
func (a *actionLint) through(where *item) string {
	if where == a.it {
		return ""
	}
	return fmt.Sprintf("reads %s (%s): ", where.Record, where.where())
}

// selectsAlert reports whether a selector of ALERTS may select alerts of that name.
func selectsAlert(s *parser.VectorSelector, name string) bool {
	return !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == "alertname" && !m.Matches(name)
	})
}

// excludesActions reports whether a selector of ALERTS leaves out every alert of an action: it asks for none, or for
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

// excludes reports whether a selector of ALERTS leaves out every one of the alerts.
func excludes(s *parser.VectorSelector, alerts []*item) bool {
	return !slices.ContainsFunc(alerts, func(a *item) bool { return a.traced().CanWrite(alertsName, s.LabelMatchers) })
}
