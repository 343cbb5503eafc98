package templates

import (
	"fmt"
	"maps"
	"slices"
	"text/template/parse"
)

// constants resolves what stands in a template whatever the alert is.
type constants struct {
	variables map[string]string
	assigned  map[string]int
	queries   []string
}

// constantQueries are the texts of all queries in a template that no alert changes: literals, also through a pipeline,
// printf or a variable.
func constantQueries(trees map[string]*parse.Tree) []string {
	c := &constants{variables: map[string]string{}, assigned: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if tree := trees[name]; tree.Root != nil {
			visit(tree.Root, func(n parse.Node) {
				if p, ok := n.(*parse.PipeNode); ok {
					c.assign(p)
				}
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if tree := trees[name]; tree.Root != nil {
			visit(tree.Root, func(n parse.Node) {
				if p, ok := n.(*parse.PipeNode); ok {
					c.pipe(p, true)
				}
			})
		}
	}
	return c.queries
}

// assign notes what a variable is, unless it is assigned twice.
func (c *constants) assign(p *parse.PipeNode) {
	for _, v := range p.Decl {
		name := v.Ident[0]
		c.assigned[name]++
		delete(c.variables, name)
		if value, ok := c.pipe(p, false); ok && c.assigned[name] == 1 && len(p.Decl) == 1 {
			c.variables[name] = value
		}
	}
}

// pipe is the value of a pipeline, if it is constant. With collect it notes the queries in it.
func (c *constants) pipe(p *parse.PipeNode, collect bool) (value string, ok bool) {
	for i, cmd := range p.Cmds {
		args, known := c.args(cmd.Args[1:])
		if i > 0 { // a pipeline hands on its value as the last argument
			args, known = append(args, value), known && ok
		}
		id, isCall := cmd.Args[0].(*parse.IdentifierNode)
		if !isCall {
			if ok = i == 0 && len(args) == 0; ok {
				value, ok = c.text(cmd.Args[0])
			}
			continue
		}
		if collect && id.Ident == "query" && known && len(args) == 1 {
			c.collect(args[0])
		}
		value, ok = called(id.Ident, args, known)
	}
	return value, ok
}

func (c *constants) collect(query any) {
	if text, isText := query.(string); isText && !slices.Contains(c.queries, text) {
		c.queries = append(c.queries, text)
	}
}

// args are the values of operands. known is false if one of them is not constant.
func (c *constants) args(nodes []parse.Node) (values []any, known bool) {
	known = true
	for _, n := range nodes {
		v, ok := c.arg(n)
		values, known = append(values, v), known && ok
	}
	return values, known
}

// text is the value of an operand, if it is a constant text.
func (c *constants) text(n parse.Node) (value string, ok bool) {
	v, ok := c.arg(n)
	if !ok {
		return "", false
	}
	value, ok = v.(string)
	return value, ok
}

// arg is the value of an operand, if it is constant.
func (c *constants) arg(n parse.Node) (value any, ok bool) {
	switch n := n.(type) {
	case *parse.StringNode:
		return n.Text, true
	case *parse.BoolNode:
		return n.True, true
	case *parse.NumberNode:
		switch {
		case n.IsInt:
			return n.Int64, true
		case n.IsFloat:
			return n.Float64, true
		}
	case *parse.VariableNode:
		if len(n.Ident) == 1 {
			value, ok = c.variables[n.Ident[0]]
			return value, ok
		}
	case *parse.PipeNode:
		return c.pipe(n, false)
	}
	return nil, false
}

// called is what a function makes of constants.
func called(name string, args []any, known bool) (value string, ok bool) {
	if !known || len(args) == 0 {
		return "", false
	}
	switch name {
	case "print":
		return fmt.Sprint(args...), true
	case "printf":
		if format, isText := args[0].(string); isText {
			return fmt.Sprintf(format, args[1:]...), true
		}
	}
	return "", false
}

// visit calls f for a node and all below it.
func visit(n parse.Node, f func(parse.Node)) {
	f(n)
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			visit(child, f)
		}
	case *parse.ActionNode:
		visit(n.Pipe, f)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			visit(n.Pipe, f)
		}
	case *parse.IfNode:
		visitBranch(&n.BranchNode, f)
	case *parse.WithNode:
		visitBranch(&n.BranchNode, f)
	case *parse.RangeNode:
		visitBranch(&n.BranchNode, f)
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			for _, arg := range cmd.Args {
				visit(arg, f)
			}
		}
	case *parse.ChainNode:
		visit(n.Node, f)
	}
}

func visitBranch(n *parse.BranchNode, f func(parse.Node)) {
	visit(n.Pipe, f)
	visit(n.List, f)
	if n.ElseList != nil {
		visit(n.ElseList, f)
	}
}
