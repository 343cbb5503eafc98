package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"chorus/rules/expr"
)

// Bounds on what an operator's files may hold. They are far above any sensible rule file and keep a wrong path (a log,
// a database) from being read into memory.
const (
	maxFileBytes = 1 << 20
	maxRules     = 10_000
)

// suffix is what the names of rule files end in; the rest of the base name says what the file is.
const suffix = ".rules.yml"

// file is a rule file on its way into a Set.
type file struct {
	name     string // as faults and groups show it
	stem     string // base name without suffix
	place    place
	optional bool // loaded only when a check of the stem's name is asked for
	shipped  bool // false for an own file, also for one that replaces a shipped one
	replaced bool // an own file has taken its place
	broken   bool // not even YAML: what it declares is unknown
	groups   []*group
	faults   []Fault
	// speaksFor are the checks that rules of the file name, whatever becomes of these rules.
	speaksFor map[string]bool
}

// readOwn reads an operator's file, which must be a regular one of bounded size.
func readOwn(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w: fix rule_files", errors.Unwrap(err))
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("read rules: not a regular file: list files or a pattern in rule_files")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w: let the exporter's user read the file", errors.Unwrap(err))
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if len(body) > maxFileBytes {
		return nil, fmt.Errorf("read rules: larger than %d bytes: split the file", maxFileBytes)
	}
	return body, nil
}

// parse fills a file with the groups of body and the faults that rulefmt finds.
func (f *file) parse(body []byte, p parser.Parser) {
	root, at := f.decode(body)
	parsed, errs := rulefmt.Parse(body, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if parsed == nil { // at an unknown field or an invalid duration it looks no further: what else is wrong shows without it
		var more []error
		parsed, more = rulefmt.Parse(withDurations(body, root), true, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
		errs = append(errs, more...)
	}
	f.faults = append(f.faults, lintDurations(f.name, root, translate(f.name, errs, at))...)
	if parsed == nil {
		f.broken = true
		return
	}
	f.speaksFor = map[string]bool{}
	for i, g := range parsed.Groups {
		var ga groupPositions
		if i < len(at.Groups) {
			ga = at.Groups[i]
		}
		f.groups = append(f.groups, f.group(g, ga, p))
	}
}

// decode reads body as nodes, for where things stand. An error is one that rulefmt has too; whatever was decoded until
// then still gives lines. A second YAML document is a fault: rulefmt would leave it out with no more than a log line.
func (f *file) decode(body []byte) (root *yaml.Node, at filePositions) {
	root = &yaml.Node{}
	d := yaml.NewDecoder(bytes.NewReader(body))
	if d.Decode(root) != nil {
		return root, at
	}
	_ = root.Decode(&at)
	var second yaml.Node
	if !errors.Is(d.Decode(&second), io.EOF) {
		f.faults = append(f.faults, Fault{
			File: f.name, Line: max(second.Line, 1), Col: max(second.Column, 1),
			Msg: "more than one YAML document: put all groups under one groups key",
		})
	}
	return root, at
}

func (f *file) group(g rulefmt.RuleGroup, at groupPositions, p parser.Parser) *group {
	out := &group{
		name: g.Name, file: f, place: f.place, interval: time.Duration(g.Interval),
		at: of(at.Name, at.at), labels: at.Labels,
	}
	fault := func(p position, msg string) {
		f.faults = append(f.faults, Fault{
			File: f.name, Line: p.line, Col: p.col,
			Msg: fmt.Sprintf("group %q: %s", g.Name, msg),
		})
	}
	if out.interval >= expr.Lookback {
		fault(of(at.Interval, out.at), fmt.Sprintf("interval is %s, but samples go stale after %s, so the "+
			"alerts of the group would vanish in between: use a shorter interval", g.Interval, model.Duration(expr.Lookback)))
	}
	if g.QueryOffset != nil {
		fault(of(at.QueryOffset, out.at), "query_offset is not supported, all rules are evaluated at the same time: remove it")
	}
	if g.Limit != 0 {
		fault(of(at.Limit, out.at), "limit is not supported, a rule that exceeds it would lose all its alerts: remove it")
	}
	for i, r := range g.Rules {
		var ra rulePosition
		if i < len(at.Rules) {
			ra = at.Rules[i]
		}
		if ra.at.line == 0 {
			ra.at = out.at
		}
		it := newItem(out, g.Labels, r, ra, p)
		out.items = append(out.items, it)
		if name := it.Check(); name != "" {
			f.speaksFor[name] = true
		}
	}
	return out
}

// stemOf is what a rule file's name says it is.
func stemOf(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, suffix)
}
