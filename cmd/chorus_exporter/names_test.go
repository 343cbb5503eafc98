package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/agnivade/levenshtein"

	"chorus/rules"
)

// Every metric that a rule, an example, a dashboard, a manifest or a page names exists: it is in names.yml or a rule
// records it. A name that ends with an underscore, as in chorus_fleet_*, stands for all that begin so.
func TestNamedMetricsExist(t *testing.T) {
	known := knownMetrics(t)
	for _, f := range namingFiles(t) {
		for _, m := range metricsIn(f.text) {
			if !known.has(m.name) {
				t.Errorf("%s:%d names the metric %s, which nothing exposes or records", f.path, m.line, m.name)
			}
		}
	}
}

// Every flag of ours that a manifest or a page names exists.
func TestNamedFlagsExist(t *testing.T) {
	known := map[string]bool{"web.enable-admin-api": true} // of Prometheus, whose flags begin like ours
	families := map[string]bool{}
	for _, f := range new(flags).application().Model().Flags {
		known[f.Name] = true
		if family, _, dotted := strings.Cut(f.Name, "."); dotted {
			families[family] = true
		}
	}
	flag := regexp.MustCompile(`--(no-)?(([a-z]+)\.[a-z]+(?:[.-][a-z]+)*)`)
	for _, f := range namingFiles(t) {
		for _, m := range named(f.text, flag) {
			parts := flag.FindStringSubmatch(m.name)
			if families[parts[3]] && !known[parts[2]] {
				t.Errorf("%s:%d names the flag %s, which %s has not", f.path, m.line, m.name, program)
			}
		}
	}
}

// Every alert that a page names is raised by a rule: words that begin with Chorus, as the alerts for a server do, what is
// selected by alertname, and what is nearly the name of an alert.
func TestNamedAlertsExist(t *testing.T) {
	known := map[string]bool{}
	for _, f := range ruleFiles(t, "rules/*.rules.yml", "rules/optional/*.rules.yml", "alerts/*.rules.yml", "examples/rules/*.rules.yml") {
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				known[r.Alert] = true
			}
		}
	}
	words := regexp.MustCompile(`\b[A-Z][a-z]+(?:[A-Z][a-z0-9]+)+\b`)
	selected := regexp.MustCompile(`alertname="(\w+)"`)
	for _, f := range namingFiles(t) {
		for _, m := range named(f.text, selected) {
			if strings.Contains(f.path, "/tests/") { // they make up alerts
				break
			}
			if name := selected.FindStringSubmatch(m.name)[1]; !known[name] {
				t.Errorf("%s:%d selects the alert %s, which no rule raises", f.path, m.line, name)
			}
		}
		if !strings.HasSuffix(f.path, ".md") {
			continue
		}
		for _, m := range named(f.text, words) {
			if near := nearest(m.name, known); !known[m.name] && (strings.HasPrefix(m.name, "Chorus") || near != "") {
				t.Errorf("%s:%d names the alert %s, which no rule raises; is %s meant?", f.path, m.line, m.name, near)
			}
		}
	}
}

// nearest is the known name that differs from name by an ending or by one letter or two, if there is one.
func nearest(name string, known map[string]bool) string {
	for k := range known {
		if k != "" && len(name) > 6 && (name == k+"s" || name+"s" == k || levenshtein.ComputeDistance(name, k) <= 2) {
			return k
		}
	}
	return ""
}

// metricNames are the names of metrics that exist.
type metricNames map[string]bool

// knownMetrics are those, and the names of rule groups, which look alike.
func knownMetrics(t *testing.T) metricNames {
	t.Helper()
	known := metricNames{}
	for _, n := range rules.Names() {
		known[n.Name] = true
		if n.Type == "histogram" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				known[n.Name+part] = true
			}
		}
	}
	for _, f := range ruleFiles(t, "rules/*.rules.yml", "rules/optional/*.rules.yml", "alerts/*.rules.yml", "examples/rules/*.rules.yml") {
		for _, g := range f.Groups {
			known[g.Name] = true
			for _, r := range g.Rules {
				known[r.Record] = true
			}
		}
	}
	return known
}

// has says whether the name exists, or for one that ends as a prefix does, whether a name begins so.
func (m metricNames) has(name string) bool {
	if m[name] {
		return true
	}
	if !strings.HasSuffix(name, "_") && !strings.HasSuffix(name, ":") {
		return false
	}
	for k := range m {
		if strings.HasPrefix(k, name) {
			return true
		}
	}
	return false
}

// mention is a name in a text.
type mention struct {
	name string
	line int // 1-based
}

// named are the matches of a pattern in a text.
func named(text string, pattern *regexp.Regexp) (out []mention) {
	line := 0
	for l := range strings.Lines(text) {
		line++
		for _, name := range pattern.FindAllString(l, -1) {
			out = append(out, mention{name, line})
		}
	}
	return out
}

// metricsIn are the metrics of ours that a text names, alternatives in parentheses written out.
func metricsIn(text string) (out []mention) {
	choice := regexp.MustCompile(`\b(chorus_\w*)\(([\w|]+)\)(\w*)`)
	text = choice.ReplaceAllStringFunc(text, func(s string) string {
		m := choice.FindStringSubmatch(s)
		var all []string
		for alternative := range strings.SplitSeq(m[2], "|") {
			all = append(all, m[1]+alternative+m[3])
		}
		return strings.Join(all, " ")
	})
	for _, m := range named(text, regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)) {
		name := m.name
		switch {
		case !strings.Contains(name, "chorus_") && !strings.HasPrefix(name, "health:"):
		case name == program || strings.HasPrefix(name, program+":"): // the binary, an image of it
		default:
			out = append(out, m)
		}
	}
	return out
}

// namingFile is a file that names metrics, flags or alerts.
type namingFile struct{ path, text string }

// namingFiles are the rules, examples, dashboards, manifests and pages.
func namingFiles(t *testing.T) (out []namingFile) {
	t.Helper()
	root := filepath.Join("..", "..")
	for _, top := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "rules", "alerts", "examples", "dashboards", "deploy"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(file string, entry fs.DirEntry, err error) error {
			switch {
			case os.IsNotExist(err):
				return nil
			case err == nil && entry.Name() == "testdata": // made to be wrong
				return fs.SkipDir
			case err != nil || !entry.Type().IsRegular() || !names(entry.Name()):
				return err
			}
			body, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			path, err := filepath.Rel(root, file)
			out = append(out, namingFile{filepath.ToSlash(path), string(body)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 50 {
		t.Fatalf("found only %d files", len(out))
	}
	return out
}

// names says whether a file of that name is one of those that people write or load.
func names(file string) bool {
	return slices.Contains([]string{".md", ".yml", ".yaml", ".json", ".service", ".conf", ""}, filepath.Ext(file))
}
