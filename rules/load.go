// Package rules holds the shipped rule files and loads them, together with an operator's own, into an ordered Set.
// The files stay plain Prometheus rule files: what they mean here is said by a few labels and annotations.
package rules

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
	"chorus/rules/templates"
)

// Options say what Load loads. The zero value loads the rules that need no component: checks, actions, scores, status.
type Options struct {
	Components []string               // configured components; the files of others are not loaded
	Enabled    []string               // checks that are off by default and asked for by name
	Disabled   []string               // checks switched off by name; wins over Enabled
	Probes     []string               // names of the checks that probes decide
	Actions    []string               // action names that are bound
	Own        []string               // own rule files; one with the base name of a shipped file replaces it in its place
	Checks     map[string]CheckTiming // interval and timeout of rule checks, laid over the defaults
	Measured   func(name string) bool // metric names that code measures besides those of names.yml; may be nil
}

// CheckTiming is how often a rule check's result is counted and its timeout; zero fields keep the default.
type CheckTiming struct{ Interval, Timeout time.Duration }

// Load reads, checks and orders the rules. The error joins every fault of every file, each as file:line:col: message;
// Faults takes it apart.
//
// An own alert whose check_name is neither a probe nor declared by any rule declares a rule check by itself: Load adds
// what says that it exists and what says that there is data, see derive.go. So Probes must name every probe, also those
// that code registers later and those that are switched off.
func Load(o Options) (*Set, error) { return load(Files(), o) }

// loader is one run of Load.
type loader struct {
	options   Options
	parser    parser.Parser
	files     []*file  // what is loaded, in evaluation order
	spare     []*file  // shipped files that are not loaded
	groups    []*group // of files, in evaluation order, what is switched off included
	checks    []*declaration
	faults    []Fault
	warnings  []Fault
	templates *templates.Reader
	metrics   expr.Metrics
}

func newLoader(o Options) *loader {
	p := parser.NewParser(parser.Options{})
	return &loader{options: o, parser: p, templates: templates.NewReader(p)}
}

func load(shipped fs.FS, o Options) (*Set, error) {
	l := newLoader(o)
	if err := l.readFiles(shipped); err != nil {
		return nil, err
	}
	l.arrange()
	l.lintGroups()
	l.lintRules()
	l.lintTargets()
	l.lintAlertReads()
	l.declare()
	l.lintChecks()
	l.lintNames()
	off := l.switchOff()
	l.derive()
	rules := l.ordered()
	l.lintDepends(rules)
	l.lintActions(rules)
	l.lintOrder(rules)

	rank := map[string]int{}
	for i, f := range l.files {
		rank[f.name] = i + 1
	}
	if len(l.faults) > 0 {
		return nil, errors.Join(joined(l.faults, rank)...)
	}
	return l.set(rules, off, joined(l.warnings, rank)), nil
}

// arrange collects the groups of all files in evaluation order. Groups of an own file that hold action rules run with
// the actions, because they read alerts.
func (l *loader) arrange() {
	for _, f := range l.files {
		l.faults = append(l.faults, f.faults...)
		for _, g := range f.groups {
			if g.place == placeOwn && slices.ContainsFunc(g.items, func(it *item) bool { return it.Labels.Get("action") != "" }) {
				g.place = placeActions
			}
			l.groups = append(l.groups, g)
		}
	}
	slices.SortStableFunc(l.groups, func(a, b *group) int { return int(a.place) - int(b.place) })
}

// ordered are all rules in evaluation order.
func (l *loader) ordered() []*item {
	var all []*item
	for _, g := range l.groups {
		for _, it := range g.items {
			it.order = len(all)
			all = append(all, it)
		}
	}
	return all
}

// items calls f for every rule in evaluation order.
func (l *loader) items(f func(*item)) {
	for _, g := range l.groups {
		for _, it := range g.items {
			f(it)
		}
	}
}

// set is what was loaded without a fault.
func (l *loader) set(rules []*item, off []Check, warnings []error) *Set {
	s := &Set{disabled: off, warnings: warnings, retention: retention(rules), reads: reads(rules)}
	for _, g := range l.groups {
		out := Group{
			Name: g.name, File: g.file.name, Own: g.file.place == placeOwn, Interval: g.interval,
			Concludes: g.place >= placeChecks, ReplacesVerdict: !g.file.shipped && g.place >= placeScores,
		}
		for _, it := range g.items {
			out.Rules = append(out.Rules, it.Rule)
		}
		s.groups = append(s.groups, out)
	}
	for _, d := range l.checks {
		s.checks = append(s.checks, d.Check)
	}
	return s
}
