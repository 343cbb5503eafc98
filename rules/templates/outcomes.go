package templates

import (
	"slices"
	"text/template/parse"
)

// maxOutcomes bounds the texts that are told apart. A template of more is not understood.
const maxOutcomes = 64

// Outcomes returns all texts that a template may become. known is false if it may become others too.
func (r *Reader) Outcomes(text string) (outcomes []string, known bool) {
	trees, err := r.parse(text)
	if err != nil || len(trees) != 1 {
		return nil, false
	}
	return outcomesOf(trees[""].Root)
}

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

// PrintsValue reports whether a template prints the value of the alert, as it is or formatted. One that does not parse
// prints nothing.
func (r *Reader) PrintsValue(text string) bool {
	trees, err := r.parse(text)
	if err != nil {
		return false
	}
	for _, tree := range trees {
		if tree.Root != nil && printsValue(tree.Root) {
			return true
		}
	}
	return false
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
