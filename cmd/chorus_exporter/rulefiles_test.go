package main

import (
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules"
)

// ruleFile is a rule file of the repository.
type ruleFile struct {
	Path   string // from the root
	Intro  string // the comment at its head, as Markdown
	Groups []rulefmt.RuleGroup
}

// ruleFiles are the files that match a pattern, which is relative to the root.
func ruleFiles(t *testing.T, patterns ...string) (out []ruleFile) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			groups, errs := rulefmt.Parse(body, false, model.UTF8Validation, parser.NewParser(parser.Options{}),
				slog.New(slog.DiscardHandler))
			if len(errs) > 0 {
				t.Fatalf("%s: %v", file, errs)
			}
			name := path.Join(path.Dir(pattern), filepath.Base(file))
			out = append(out, ruleFile{Path: name, Intro: headComment(string(body)), Groups: groups.Groups})
		}
	}
	return out
}

// headComment is the comment with which a file begins.
func headComment(body string) string {
	var lines []string
	for line := range strings.Lines(body) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimPrefix(text, " "))
	}
	return strings.NewReplacer("<", "&lt;", "|", `\|`).Replace(strings.Join(lines, "\n"))
}

// selected are the names of the metrics that an expression reads, in their order there.
func selected(t *testing.T, expr string) (out []string) {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok && s.Name != "" && !seen[s.Name] {
			seen[s.Name] = true
			out = append(out, s.Name)
		}
		return nil
	})
	return out
}

// shippedRules are all shipped rules, of every component, those that are off by default included.
func shippedRules(t *testing.T) *rules.Set {
	t.Helper()
	stems := func(pattern string) (out []string) {
		files, err := fs.Glob(rules.Files(), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			switch stem := strings.TrimSuffix(path.Base(f), ".rules.yml"); stem {
			case "checks", "actions", "scores", "status": // of no component
			default:
				out = append(out, stem)
			}
		}
		return out
	}
	set, err := rules.Load(rules.Options{
		Components: stems("*.rules.yml"), Enabled: stems("optional/*.rules.yml"), Actions: []string{"shutdown"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}
