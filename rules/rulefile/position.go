package rulefile

import "go.yaml.in/yaml/v3"

// rulefmt checks rules well but does not say where in the file they stand. So every file is decoded a second time, into
// nodes, just for lines and columns.

// Position is a place in a file, 1-based. The zero value is unknown.
type Position struct{ Line, Col int }

// Positions are the places of the parts of a rule.
type Positions struct {
	rule        rulePosition
	groupLabels yaml.Node
}

// Name returns where the rule has its name, under record or alert.
func (p Positions) Name() Position { return p.rule.name() }

// Expr returns where the expression is.
func (p Positions) Expr() Position { return of(p.rule.Expr, p.rule.at) }

// Label returns where a label of the rule or its group is, or the rule's name if the file has no such label.
func (p Positions) Label(name string) Position {
	for _, node := range []yaml.Node{p.rule.Labels, p.groupLabels} {
		if at, ok := entry(node, name); ok {
			return at
		}
	}
	return p.Name()
}

// Annotation returns where an annotation is, or the rule's name if the file has no such annotation.
func (p Positions) Annotation(name string) Position {
	if at, ok := entry(p.rule.Annotations, name); ok {
		return at
	}
	return p.Name()
}

type filePositions struct {
	Groups []groupPositions `yaml:"groups"`
}

type groupPositions struct {
	at          Position
	Name        yaml.Node      `yaml:"name"`
	Interval    yaml.Node      `yaml:"interval"`
	QueryOffset yaml.Node      `yaml:"query_offset"`
	Limit       yaml.Node      `yaml:"limit"`
	Labels      yaml.Node      `yaml:"labels"`
	Rules       []rulePosition `yaml:"rules"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (g *groupPositions) UnmarshalYAML(n *yaml.Node) error {
	type plain groupPositions
	g.at = Position{n.Line, n.Column}
	return n.Decode((*plain)(g))
}

type rulePosition struct {
	at          Position
	Record      yaml.Node `yaml:"record"`
	Alert       yaml.Node `yaml:"alert"`
	Expr        yaml.Node `yaml:"expr"`
	For         yaml.Node `yaml:"for"`
	Labels      yaml.Node `yaml:"labels"`
	Annotations yaml.Node `yaml:"annotations"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rulePosition) UnmarshalYAML(n *yaml.Node) error {
	type plain rulePosition
	r.at = Position{n.Line, n.Column}
	return n.Decode((*plain)(r))
}

// name is where the rule says its name.
func (r rulePosition) name() Position {
	if r.Alert.Line > 0 {
		return of(r.Alert, r.at)
	}
	return of(r.Record, r.at)
}

// of is where a node stands, or the place given when the file has no such node.
func of(n yaml.Node, otherwise Position) Position {
	if n.Line == 0 {
		return otherwise
	}
	return Position{n.Line, n.Column}
}

// entry is where the value of a key of a mapping stands.
func entry(mapping yaml.Node, key string) (Position, bool) {
	m := &mapping
	for m.Kind == yaml.AliasNode {
		m = m.Alias
	}
	if m.Kind != yaml.MappingNode {
		return Position{}, false
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return Position{m.Content[i+1].Line, m.Content[i+1].Column}, true
		}
	}
	return Position{}, false
}
