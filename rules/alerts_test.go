package rules

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// serverRules reads the rules that a Prometheus server loads, by the name of their file.
func serverRules(t *testing.T) map[string][]rulefmt.Rule {
	t.Helper()
	files, err := filepath.Glob("../alerts/*.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]rulefmt.Rule{}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		groups, errs := rulefmt.Parse(body, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			t.Fatal(name, errs)
		}
		for _, g := range groups.Groups {
			out[filepath.Base(name)] = append(out[filepath.Base(name)], g.Rules...)
		}
	}
	if len(out) < 4 {
		t.Fatalf("found only %d files", len(out))
	}
	return out
}

// metricsOf are the names of the metrics that an expression reads.
func metricsOf(t *testing.T, expr string) []string {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			names = append(names, v.Name)
		}
		return nil
	})
	return names
}

// A server sees what is exposed, and what its own rules record: a rule that reads anything else never fires.
func TestServerRulesReadWhatIsExposed(t *testing.T) {
	known := []string{"up"}
	for _, n := range Names() {
		known = append(known, n.Name)
	}
	files := serverRules(t)
	for _, rules := range files {
		for _, r := range rules {
			if r.Record != "" {
				known = append(known, r.Record)
			}
			if strings.HasPrefix(r.Record, "chorus_") {
				t.Errorf("%s is recorded, and exporters expose such names", r.Record)
			}
		}
	}
	for file, rules := range files {
		for _, r := range rules {
			for _, name := range metricsOf(t, r.Expr) {
				if !slices.Contains(known, name) {
					t.Errorf("%s: %s%s reads %q, which nothing exposes or records", file, r.Alert, r.Record, name)
				}
			}
		}
	}
}

// Who is woken must know how bad it is, and where to read on.
func TestServerAlertsSayAllThatIsNeeded(t *testing.T) {
	for file, rules := range serverRules(t) {
		for _, r := range rules {
			if r.Alert == "" {
				continue
			}
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s: %s has the severity %q", file, r.Alert, r.Labels["severity"])
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: %s lacks its summary or description", file, r.Alert)
			}
			if want := "/runbooks/" + r.Alert; r.Annotations["runbook_url"] != want {
				t.Errorf("%s: the runbook of %s is %q, want %q", file, r.Alert, r.Annotations["runbook_url"], want)
			}
		}
	}
}

// docs/scaling.md says which metrics are enough for a server above: all that these rules read.
func TestEnoughForAServerAbove(t *testing.T) {
	page, err := os.ReadFile("../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	keep := regexp.MustCompile(`regex: '(up.+)'`).FindSubmatch(page)
	if keep == nil {
		t.Fatal("docs/scaling.md has no regex")
	}
	whole, err := regexp.Compile("^(?:" + string(keep[1]) + ")$")
	if err != nil {
		t.Fatal(err)
	}
	for file, rules := range serverRules(t) {
		for _, r := range rules {
			for _, name := range metricsOf(t, r.Expr) {
				if !whole.MatchString(name) {
					t.Errorf("%s: %s%s reads %s, which the regex drops", file, r.Alert, r.Record, name)
				}
			}
		}
	}
}
