package templates

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"

	"chorus/rules/expr"
)

// FuzzTemplate takes whatever text for a template: it is refused where Prometheus refuses it, and what it queries for all
// alerts alike can be evaluated.
func FuzzTemplate(f *testing.F) {
	for _, name := range []string{"../testdata/faults/template.rules.yml", "../testdata/own/template.rules.yml"} {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`'(.*{{.*)'`).FindAllSubmatch(body, -1) {
			f.Add(string(m[1]))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := parser.NewParser(parser.Options{})
		got := NewReader(p).Read(text)
		err := template.NewTemplateExpander(t.Context(), variables+text, "", nil, 0, nil, nil, nil).ParseTest()
		if got.broken != (err != nil) {
			t.Errorf("refused %v, %q; Prometheus says %v", got.broken, got.Faults, err)
		}
		for _, q := range got.Queries {
			if e, err := p.ParseExpr(q); err == nil && expr.LooksBack(e) < 0 {
				t.Errorf("%q looks back %s", q, expr.LooksBack(e))
			}
		}
		for _, fault := range got.Faults {
			if strings.TrimSpace(fault) == "" {
				t.Error("a fault that says nothing")
			}
		}
	})
}
