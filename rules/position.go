package rules

import "go.yaml.in/yaml/v3"

// rulefmt checks rules well but does not say where in the file they stand. So every file is decoded a second time, into
// nodes, just for lines and columns.

// position is a place in a file, 1-based; the zero value is unknown.
type position struct{ line, col int }

type filePositions struct {
	Groups []groupPositions `yaml:"groups"`
}

type groupPositions struct {
	at          position
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
	g.at = position{n.Line, n.Column}
	return n.Decode((*plain)(g))
}

type rulePosition struct {
	at          position
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
	r.at = position{n.Line, n.Column}
	return n.Decode((*plain)(r))
}

// name is where the rule says its name.
func (r rulePosition) name() position {
	if r.Alert.Line > 0 {
		return of(r.Alert, r.at)
	}
	return of(r.Record, r.at)
}

// of is where a node stands, or the place given when the file has no such node.
func of(n yaml.Node, otherwise position) position {
	if n.Line == 0 {
		return otherwise
	}
	return position{n.Line, n.Column}
}

// entry is where the value of a key of a mapping stands.
func entry(mapping yaml.Node, key string) (position, bool) {
	m := &mapping
	for m.Kind == yaml.AliasNode {
		m = m.Alias
	}
	if m.Kind != yaml.MappingNode {
		return position{}, false
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return position{m.Content[i+1].Line, m.Content[i+1].Column}, true
		}
	}
	return position{}, false
}
