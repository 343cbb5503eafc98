package rules

import (
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

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
	text = it.Labels.Get("severity")
	trees, err := parse.Parse("", templateVariables+text, "", "", l.functions)
	if err != nil || len(trees) != 1 {
		return severities{}
	}
	outcomes, known := outcomesOf(trees[""].Root)
	return severities{outcomes, known}
}

// maxOutcomes bounds the texts that are told apart. A template of more is not understood.
const maxOutcomes = 64

// outcomesOf are all texts that a part of a template may become. ok is false if it may become others: it prints a value.
func outcomesOf(n parse.Node) (out []string, ok bool) {
	switch n := n.(type) {
	case *parse.TextNode:
		return []string{string(n.Text)}, true
	case *parse.CommentNode:
		return []string{""}, true
	case *parse.ActionNode:
		return outcomesOfAction(n.Pipe)
	case *parse.IfNode:
		return eitherOf(n.List, n.ElseList)
	case *parse.WithNode:
		return eitherOf(n.List, n.ElseList)
	case *parse.ListNode:
		out = []string{""}
		for _, part := range n.Nodes {
			next, ok := outcomesOf(part)
			if !ok || len(out)*len(next) > maxOutcomes {
				return nil, false
			}
			var all []string
			for _, head := range out {
				for _, tail := range next {
					if text := head + tail; !slices.Contains(all, text) {
						all = append(all, text)
					}
				}
			}
			out = all
		}
		return out, true
	}
	return nil, false
}

func eitherOf(list, otherwise *parse.ListNode) (out []string, ok bool) {
	out, ok = outcomesOf(list)
	if otherwise == nil {
		return append(out, ""), ok
	}
	other, otherOK := outcomesOf(otherwise)
	return append(out, other...), ok && otherOK
}

// outcomesOfAction are those of {{ … }}: nothing if it sets a variable, the text if it is one.
func outcomesOfAction(p *parse.PipeNode) (out []string, ok bool) {
	if len(p.Decl) > 0 {
		return []string{""}, true
	}
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return nil, false
	}
	if s, ok := p.Cmds[0].Args[0].(*parse.StringNode); ok {
		return []string{s.Text}, true
	}
	return nil, false
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
		l.fault(it, it.labelAt("severity"), "severity may become %s: use critical, warning or info", strings.Join(unknown, " or "))
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
		trees, err := parse.Parse("", templateVariables+label.Value, "", "", l.functions)
		if err != nil {
			return // lintTemplates says so
		}
		for _, tree := range trees {
			if tree.Root != nil && printsValue(tree.Root) {
				l.fault(it, it.labelAt(label.Name), "label %s changes with the value, so \"for\" starts again with every change and the "+
					"alert does not fire: put the value into an annotation", label.Name)
				return
			}
		}
	})
}

// printsValue reports whether a part of a template prints the value of the alert, as it is or formatted.
func printsValue(n parse.Node) (prints bool) {
	visit(n, func(n parse.Node) {
		action, ok := n.(*parse.ActionNode)
		if !ok || len(action.Pipe.Decl) > 0 {
			return
		}
		visit(action.Pipe, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.VariableNode:
				prints = prints || n.Ident[0] == "$value" || n.Ident[0] == "$" && slices.Contains(n.Ident, "Value")
			case *parse.FieldNode:
				prints = prints || n.Ident[0] == "Value"
			}
		})
	})
	return prints
}
