//go:build e2e

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
)

// alertFiles are the rule files for a Prometheus server, as they are in the repository.
func alertFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "alerts/*.rules.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in alerts/ (%v)", len(files), err)
	}
	return files
}

// shortened are copies of the files in which a minute is a second: what they wait for, how often they are evaluated, and
// how far they look back. So a test sees in seconds what takes minutes. Nothing else differs.
func shortened(t *testing.T, files []string) []string {
	t.Helper()
	dir := t.TempDir()
	var copies []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		put(t, dir, name, shorten(t, string(text)))
		copies = append(copies, filepath.Join(dir, name))
	}
	return copies
}

var (
	waits  = regexp.MustCompile(`\b(for|keep_firing_for|interval): *([0-9]\w*)`)
	offset = regexp.MustCompile(`\b(offset) ([0-9]\w*)`)
	ranges = regexp.MustCompile(`\[([0-9]\w*)(:[0-9]\w*)?\]`)
)

// shorten divides durations by 60. Waiting takes a second at least, which is the interval of scraping, and a range holds
// five samples at least, so that a rate has some to start from.
func shorten(t *testing.T, text string) string {
	t.Helper()
	divided := func(duration string, least time.Duration) string {
		d, err := model.ParseDuration(duration)
		if err != nil {
			t.Fatal(err)
		}
		return model.Duration(max(time.Duration(d)/60, least).Truncate(time.Second)).String()
	}
	text = waits.ReplaceAllStringFunc(text, func(s string) string {
		m := waits.FindStringSubmatch(s)
		return m[1] + ": " + divided(m[2], time.Second)
	})
	text = offset.ReplaceAllStringFunc(text, func(s string) string {
		return "offset " + divided(offset.FindStringSubmatch(s)[2], time.Second)
	})
	return ranges.ReplaceAllStringFunc(text, func(s string) string {
		m := ranges.FindStringSubmatch(s)
		step := ""
		if m[2] != "" {
			step = ":" + divided(m[2][1:], time.Second)
		}
		return "[" + divided(m[1], 5*time.Second) + step + "]"
	})
}

func TestShorten(t *testing.T) {
	t.Parallel()
	const text = `
  - name: a
    interval: 30s
    rules:
      - {alert: A, expr: 'rate(x:rate5m[5m]) > 5 and avg_over_time(y[1h:1m]) > 0', for: 10m}
      - {alert: B, expr: max_over_time(z[1m] offset 3m), keep_firing_for: 2m}
`
	const want = `
  - name: a
    interval: 1s
    rules:
      - {alert: A, expr: 'rate(x:rate5m[5s]) > 5 and avg_over_time(y[1m:1s]) > 0', for: 10s}
      - {alert: B, expr: max_over_time(z[5s] offset 3s), keep_firing_for: 2s}
`
	if got := shorten(t, text); got != want {
		t.Errorf("shortened:\n%s\nwant:\n%s", got, want)
	}
}

// ruleGroup is a group as a server tells of it.
type ruleGroup struct {
	Name  string
	File  string
	Rules []struct {
		Name      string
		Health    string // ok, err, or unknown before the first evaluation
		LastError string
	}
}

// ruleGroups are what a server has loaded, in the order of files and groups.
func (s *server) ruleGroups() []ruleGroup {
	s.t.Helper()
	var answer struct{ Groups []ruleGroup }
	if err := s.api("/api/v1/rules", nil, &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer.Groups
}

// rulesAreWell waits until every rule of every file has been evaluated, and checks that none has ever failed.
func (s *server) rulesAreWell(files []string) {
	s.t.Helper()
	s.soon("every rule has been evaluated", func() bool {
		return !slices.ContainsFunc(s.ruleGroups(), func(g ruleGroup) bool {
			for _, rule := range g.Rules {
				if rule.Health == "unknown" {
					return true
				}
			}
			return false
		})
	})
	loaded := map[string]bool{}
	for _, group := range s.ruleGroups() {
		loaded[group.File] = true
		for _, rule := range group.Rules {
			if rule.Health != "ok" || rule.LastError != "" {
				s.t.Errorf("%s: rule %s of group %s is %s: %s", s.name, rule.Name, group.Name, rule.Health, rule.LastError)
			}
		}
	}
	for _, file := range files {
		if !loaded[file] {
			s.t.Errorf("%s has not loaded %s", s.name, file)
		}
	}
	s.none("prometheus_rule_evaluation_failures_total")
}
