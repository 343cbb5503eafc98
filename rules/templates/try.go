package templates

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// trial is an alert, and what queries answer, for which a template is expanded to see whether it can be.
type trial struct {
	text    string  // value of every label
	value   float64 // of the alert and of what queries find
	samples int     // that every query finds
}

// trials differ in everything, so that what goes wrong in all of them is not up to the data.
func trials() []trial { return []trial{{"1", 1.5, 1}, {"x", 0, 3}, {"", 100, 0}} }

// tried is what came out.
type tried struct {
	faults      []string
	same, other []string // queries: those that were the same for every alert that asked them, and the others
}

// try expands a template for alerts of all sorts.
func try(text string, trees map[string]*parse.Tree) tried {
	names, sane := mentioned(trees)
	if !sane {
		return tried{}
	}
	var out tried
	var errs []string
	var asked [][]string
	for _, tr := range trials() {
		queries, err := tr.expand(text, names)
		asked = append(asked, queries)
		fault := ""
		if err != nil {
			fault = executionFault(err)
			if misuse(fault) && !slices.Contains(out.faults, fault) {
				out.faults = append(out.faults, fault)
			}
		}
		errs = append(errs, fault)
	}
	always := errs[0] != "" && errs[0] == errs[1] && !strings.Contains(errs[0], "out of range")
	if always && !slices.Contains(out.faults, errs[0]) {
		out.faults = append(out.faults, errs[0])
	}
	for i, queries := range asked {
		for _, q := range queries {
			if i < 2 && slices.Contains(asked[0], q) && slices.Contains(asked[1], q) {
				out.same = append(out.same, q)
			} else {
				out.other = append(out.other, q)
			}
		}
	}
	return out
}

// expand expands a template for the trial's alert, which has labels of the names given.
func (tr trial) expand(text string, names []string) (queries []string, err error) {
	set := map[string]string{}
	if tr.text != "" {
		for _, name := range names {
			set[name] = tr.text
		}
	}
	sample := promql.Sample{Metric: labels.FromMap(set), F: tr.value}
	query := func(_ context.Context, q string, _ time.Time) (promql.Vector, error) {
		const most = 100 // a template asks a handful
		if len(queries) < most {
			queries = append(queries, q)
		}
		return slices.Repeat(promql.Vector{sample}, tr.samples), nil
	}
	data := template.AlertTemplateData(set, nil, "", sample)
	_, err = template.NewTemplateExpander(context.Background(), variables+text, "", data, 0, query, &url.URL{}, nil).Expand()
	return queries, err
}

// misuse reports whether an error shows that a template can't work, whatever the alert is.
func misuse(text string) bool {
	return slices.ContainsFunc([]string{
		"can't evaluate field", "wrong number of args", "wrong type for value", "incompatible types for comparison",
		"not defined", "invalid type for comparison", "can't give argument to non-function",
	}, func(part string) bool { return strings.Contains(text, part) })
}

// executionFault is what went wrong, without the place in a line that nobody wrote like that.
func executionFault(err error) string {
	text := strings.TrimPrefix(err.Error(), "error executing template : ")
	text = regexp.MustCompile(`^template: :\d+:\d+: executing "" `).ReplaceAllString(text, "")
	text = regexp.MustCompile(` in type struct \{.*\}$`).ReplaceAllString(text, "")
	hint := "fix the template"
	switch {
	case strings.Contains(text, "can't evaluate field"):
		hint = "an alert has .Labels, .Value, .ExternalLabels and .ExternalURL, a sample .Labels and .Value"
	case strings.Contains(text, "incompatible types for comparison"):
		hint = "$value is a float, so compare it with one, such as 90.0; a label is a string"
	}
	return fmt.Sprintf("the template fails: %s; %s", text, hint)
}

// mentioned are all names in a template that may be those of labels. sane is false where expanding it might take long: it
// counts up to a number.
func mentioned(trees map[string]*parse.Tree) (names []string, sane bool) {
	sane = true
	for _, tree := range trees {
		if tree.Root == nil {
			continue
		}
		visit(tree.Root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.FieldNode:
				names = append(names, n.Ident...)
			case *parse.VariableNode:
				names = append(names, n.Ident[1:]...)
			case *parse.ChainNode:
				names = append(names, n.Field...)
			case *parse.StringNode:
				names = append(names, n.Text)
			case *parse.RangeNode:
				visit(n.Pipe, func(n parse.Node) {
					_, number := n.(*parse.NumberNode)
					sane = sane && !number
				})
			case *parse.TemplateNode:
				sane = sane && len(trees) <= 8
			}
		})
	}
	return names, sane
}
