// Package rulefile parses Prometheus rule files. It adds to rulefmt the position of every rule, and says of every fault where
// it is and how to fix it.
package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"chorus/rules/expr"
)

// File is a parsed rule file.
type File struct {
	Groups []Group
	Faults []Fault // in no order; the same one may be there more than once
	Broken bool    // no group could be read
}

// Group is a rule group.
type Group struct {
	Name     string
	Interval time.Duration // 0: every evaluation
	At       Position      // of the name
	Rules    []Rule
}

// Rule is a rule. Its labels include those of its group.
type Rule struct {
	rulefmt.Rule
	At Positions
}

// Fault is one thing wrong with a file, with the fix.
type Fault struct {
	Position
	Msg string
}

// Parse parses a rule file. What rulefmt allows and the exporter does not support is a fault too, and so is an expression
// that does not parse with p.
func Parse(body []byte, p parser.Parser) File {
	var f File
	root, at := f.decode(body)
	parsed, errs := rulefmt.Parse(body, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if parsed == nil { // at an unknown field or an invalid duration it looks no further: what else is wrong shows without it
		var more []error
		parsed, more = rulefmt.Parse(withDurations(body, root), true, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
		errs = append(errs, more...)
	}
	f.Faults = append(f.Faults, lintDurations(root, translate(errs, at))...)
	if parsed == nil {
		f.Broken = true
		return f
	}
	for i, g := range parsed.Groups {
		var ga groupPositions
		if i < len(at.Groups) {
			ga = at.Groups[i]
		}
		f.Groups = append(f.Groups, f.group(g, ga))
	}
	return f
}

// decode reads body as nodes, for where things stand. An error is one that rulefmt has too; whatever was decoded until
// then still gives lines. A second YAML document is a fault: rulefmt would leave it out with no more than a log line.
func (f *File) decode(body []byte) (root *yaml.Node, at filePositions) {
	root = &yaml.Node{}
	d := yaml.NewDecoder(bytes.NewReader(body))
	if d.Decode(root) != nil {
		return root, at
	}
	_ = root.Decode(&at)
	var second yaml.Node
	if !errors.Is(d.Decode(&second), io.EOF) {
		f.Faults = append(f.Faults, Fault{
			Position{max(second.Line, 1), max(second.Column, 1)},
			"more than one YAML document: put all groups under one groups key",
		})
	}
	return root, at
}

// group takes a group over from rulefmt. Its labels hold for every rule that does not set them itself.
func (f *File) group(g rulefmt.RuleGroup, at groupPositions) Group {
	out := Group{
		Name: g.Name, Interval: time.Duration(g.Interval), At: of(at.Name, at.at),
		Rules: make([]Rule, 0, len(g.Rules)),
	}
	fault := func(p Position, msg string) {
		f.Faults = append(f.Faults, Fault{p, fmt.Sprintf("group %q: %s", g.Name, msg)})
	}
	if out.Interval >= expr.Lookback {
		fault(of(at.Interval, out.At), fmt.Sprintf("interval is %s, but samples go stale after %s, so the "+
			"alerts of the group would vanish in between: use a shorter interval", g.Interval, model.Duration(expr.Lookback)))
	}
	if g.QueryOffset != nil {
		fault(of(at.QueryOffset, out.At), "query_offset is not supported, all rules are evaluated at the same time: remove it")
	}
	if g.Limit != 0 {
		fault(of(at.Limit, out.At), "limit is not supported, a rule that exceeds it would lose all its alerts: remove it")
	}
	for i, r := range g.Rules {
		var ra rulePosition
		if i < len(at.Rules) {
			ra = at.Rules[i]
		}
		if ra.at.Line == 0 {
			ra.at = out.At
		}
		all := map[string]string{}
		maps.Copy(all, g.Labels)
		maps.Copy(all, r.Labels)
		r.Labels = all
		out.Rules = append(out.Rules, Rule{r, Positions{ra, at.Labels}})
	}
	return out
}
