package rules

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/rulefile"
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

// parse fills a file with the groups and the faults of body.
func (f *file) parse(body []byte, p parser.Parser) {
	parsed := rulefile.Parse(body, p)
	for _, fault := range parsed.Faults {
		f.faults = append(f.faults, Fault{File: f.name, Line: fault.Line, Col: fault.Col, Msg: fault.Msg})
	}
	f.broken = parsed.Broken
	f.speaksFor = map[string]bool{}
	for _, g := range parsed.Groups {
		out := &group{name: g.Name, file: f, place: f.place, interval: g.Interval, at: g.At}
		for _, r := range g.Rules {
			it := newItem(out, r, p)
			out.items = append(out.items, it)
			if name := it.Check(); name != "" {
				f.speaksFor[name] = true
			}
		}
		f.groups = append(f.groups, out)
	}
}

// stemOf is what a rule file's name says it is.
func stemOf(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, suffix)
}
