package rules

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// shipped are the components and the optional files that have rules.
func shipped(t testing.TB) (components, optional []string) {
	t.Helper()
	names, err := fs.Glob(Files(), "*"+suffix)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, fixed := placeOf(stemOf(name)); !fixed {
			components = append(components, stemOf(name))
		}
	}
	if names, err = fs.Glob(Files(), "optional/*"+suffix); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		optional = append(optional, strings.TrimSuffix(path.Base(name), suffix))
	}
	return components, optional
}

func loadAll(t testing.TB) *Set {
	t.Helper()
	components, optional := shipped(t)
	s, err := Load(Options{Components: components, Enabled: optional, Actions: []string{"shutdown"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// choices are none of the names, each alone, every pair, all but one, and all: whatever one file needs of another, or does
// to it, shows in one of them.
func choices(names []string) [][]string {
	picks := some(names)
	for i, name := range names {
		for _, other := range names[i+1:] {
			picks = append(picks, []string{name, other})
		}
		picks = append(picks, slices.Concat(names[:i], names[i+1:]))
	}
	return picks
}

// some are none of the names, each alone, and all of them.
func some(names []string) [][]string {
	picks := [][]string{nil, names}
	for _, name := range names {
		picks = append(picks, []string{name})
	}
	return picks
}

// Whatever is configured, the shipped files load without a fault or a warning.
func TestShippedLoads(t *testing.T) {
	components, optional := shipped(t)
	for _, configured := range choices(components) {
		for _, enabled := range some(optional) {
			s, err := Load(Options{Components: configured, Enabled: enabled})
			if err != nil {
				t.Fatalf("%v with %v: %v", configured, enabled, err)
			}
			if w := s.Warnings(); len(w) > 0 {
				t.Errorf("%v with %v warns: %v", configured, enabled, w)
			}
			last := s.Groups()[len(s.Groups())-1].Name
			if last != "status" {
				t.Errorf("%v with %v ends with the group %s", configured, enabled, last)
			}
		}
	}
}

// Every shipped check can be switched off, and then nothing speaks for it any more.
func TestShippedSwitchedOff(t *testing.T) {
	components, optional := shipped(t)
	for _, check := range loadAll(t).Checks() {
		s, err := Load(Options{Components: components, Enabled: optional, Disabled: []string{check.Name}})
		if err != nil {
			t.Fatal(err)
		}
		if has(s.Checks(), check.Name) || !has(s.Disabled(), check.Name) {
			t.Errorf("%s is switched off and still there", check.Name)
		}
		for _, g := range s.Groups() {
			for _, r := range g.Rules {
				if g.Name == check.Name || r.Check() == check.Name {
					t.Errorf("%s is switched off, but %s:%d speaks for it", check.Name, r.File, r.Line)
				}
			}
		}
	}
}

// An own check of every shipped component can be derived.
func TestShippedWithOwnChecks(t *testing.T) {
	components, optional := shipped(t)
	for _, component := range append(components, "other") {
		t.Run(component, func(t *testing.T) {
			own := filepath.Join(t.TempDir(), "own.rules.yml")
			body := "groups: [{name: own, rules: [{alert: Own, expr: own > 1, annotations: {summary: s}, labels: " +
				"{check_name: own, component: " + component + ", severity: critical}}]}]"
			if err := os.WriteFile(own, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Load(Options{Components: components, Enabled: optional, Own: []string{own}})
			if err != nil {
				t.Fatal(err)
			}
			if !has(s.Checks(), "own") {
				t.Error("the check is missing")
			}
		})
	}
}

// Our own alerts carry all that a person needs to act on them.
func TestShippedAlertsAreComplete(t *testing.T) {
	for _, g := range loadAll(t).Groups() {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			for _, name := range []string{"summary", "description", "runbook_url", "impact"} {
				if r.Annotations[name] == "" {
					t.Errorf("%s:%d: alert %s has no %s", r.File, r.Line, r.Alert, name)
				}
			}
		}
	}
}

func TestShippedTimings(t *testing.T) {
	for _, c := range loadAll(t).Checks() {
		if c.Interval < time.Second || c.Timeout < time.Second {
			t.Errorf("%s is counted every %s with the timeout %s", c.Name, c.Interval, c.Timeout)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	components, optional := shipped(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(Options{Components: components, Enabled: optional, Actions: []string{"shutdown"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLimitOfShipped holds that the limit of every shipped alert that compares can be evaluated.
func TestLimitOfShipped(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	alerts, limits := 0, 0
	for _, g := range loadAll(t).Groups() {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			alerts++
			l, ok := expr.LimitOf(r.Expr)
			if !ok {
				continue
			}
			limits++
			if _, err := p.ParseExpr(l.Expr); l.Number == nil && err != nil {
				t.Errorf("the limit of %s is %q, which does not parse: %v", r.Alert, l.Expr, err)
			}
		}
	}
	if limits < alerts/2 {
		t.Errorf("%d of %d alerts have a limit", limits, alerts)
	}
}
