package rules

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/rules/flow"
)

// Set is a loaded, checked and ordered set of rules. It is immutable and safe for concurrent use.
type Set struct {
	groups    []Group
	checks    []Check
	disabled  []Check
	retention time.Duration
	warnings  []error
	reads     map[string][]string // metric names to file:line
}

// Group is a rule group in its place in the evaluation order.
type Group struct {
	Name     string
	File     string        // base name for a shipped file, the path for an own one
	Own      bool          // custom: from an own file that does not replace a shipped one, or derived from such a file
	Interval time.Duration // 0: every evaluation
	// Concludes reports whether the group reads what the files before it say of checks: it belongs to checks, actions,
	// scores or status, or runs with them.
	Concludes bool
	// ReplacesVerdict reports whether the group is from an own file that took the place of scores.rules.yml or
	// status.rules.yml.
	ReplacesVerdict bool
	Rules           []Rule
}

// Rule is a recording rule (Record set) or an alerting rule (Alert set).
type Rule struct {
	File, Group   string
	Own           bool // from a file of the operator, not a shipped one
	Line, Column  int  // 1-based, of the expression; 0 for a derived rule
	Record        string
	Alert         string
	Expr          string
	For           time.Duration
	KeepFiringFor time.Duration
	Labels        labels.Labels     // values of an alert's labels may be templates
	Annotations   map[string]string // templates; nil for a recording rule
	Value         string            // alert only: left side of the comparison that gives the alert its value, "" if there is none
	Reads         []Read            // what the expression reads, in its order
}

// Read is a selector of an expression.
type Read struct {
	Name     string // of the metric; "" if the selector does not name it exactly
	Selector string // an instant vector selector, with its offset
}

// Check is the check that the rule speaks for, as far as the file fixes it; empty for a rule that serves many checks or
// none.
func (r Rule) Check() string {
	name, _ := r.fixedLabel("check_name")
	return name
}

// fixedLabel is the value of a label as far as the file fixes it. For a template, and for a label that comes from the
// expression, fixed is false.
func (r Rule) fixedLabel(name string) (value string, fixed bool) {
	return flow.Rule{Record: r.Record, Alert: r.Alert, Labels: r.Labels}.Fixed(name)
}

// Check is a check that rules decide.
type Check struct {
	Name, Component, Description string
	Critical                     bool          // one of its rules has severity critical
	Interval                     time.Duration // how often its result is counted and kept
	Timeout                      time.Duration
	OK                           string // template of the message while nothing fires, "" if no rule has one
	OKValue                      string // expression that $value stands for in OK, "" if there is none
	File                         string // where it is declared
}

// Groups are the groups in evaluation order. The caller must not change them.
func (s *Set) Groups() []Group { return s.groups }

// Checks are the checks that the rules declare, in evaluation order.
func (s *Set) Checks() []Check { return s.checks }

// Disabled are the rule checks that are switched off, shipped ones that are off by default included.
func (s *Set) Disabled() []Check { return s.disabled }

// Retention is how far back the longest range or offset of any rule looks, at least the engine's expr.Lookback of 5m.
func (s *Set) Retention() time.Duration { return s.retention }

// Warnings are faults that do not keep the set from loading, such as an own alert without a summary.
func (s *Set) Warnings() []error { return s.warnings }
