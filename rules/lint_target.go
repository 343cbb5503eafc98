package rules

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// targetLabels tell the targets of a server apart. Series carry neither here, since there is one target; the shipped
// rules join by both, so that they work on a server too.
func targetLabels() []string { return []string{model.JobLabel, model.InstanceLabel} }

// lintTarget faults a rule that sets such a label on what decides the verdict: it would find no partner and count for
// nothing. It warns of an own rule that asks for one: there is none.
func (l *loader) lintTarget(it *item) {
	if it.judged() {
		for _, name := range targetLabels() {
			if it.Labels.Has(name) {
				l.fault(it, it.labelAt(name), "sets the label %s, by which alerts and scores are joined, so it would not "+
					"count: choose another name", name)
			}
		}
	}
	inspect(it.expr, func(n parser.Node, _ []parser.Node) {
		switch n := n.(type) {
		case *parser.Call:
			if name := made(n); it.judged() && slices.Contains(targetLabels(), name) {
				l.fault(it, it.exprAt(), "%s makes the label %s, by which alerts and scores are joined, so it would not "+
					"count: choose another name", n.Func.Name, name)
			}
		case *parser.VectorSelector:
			if !it.group.file.shipped {
				l.warnTarget(it, n)
			}
		}
	})
}

// judged says whether the rule's result may decide the verdict.
func (it *item) judged() bool {
	return strings.HasPrefix(it.Record, "chorus_") || it.Labels.Has("check_name") ||
		it.Alert != "" && mentions(it.expr, "check_name")
}

// made is the label that a call adds to its series, empty if it adds none.
func made(c *parser.Call) string {
	if c.Func.Name != "label_replace" && c.Func.Name != "label_join" {
		return ""
	}
	name, ok := c.Args[1].(*parser.StringLiteral)
	if !ok {
		return ""
	}
	return name.Val
}

func (l *loader) warnTarget(it *item, s *parser.VectorSelector) {
	for _, m := range s.LabelMatchers {
		if slices.Contains(targetLabels(), m.Name) && !m.Matches("") {
			l.warn(it, it.exprAt(), "%s selects nothing, since series have no label %s here: leave it out; "+
				"a metric's own is renamed exported_%[2]s, as by a scrape", s, m.Name)
		}
	}
}
