package flow

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr/exprtest"
)

// generator writes random expressions out of what sets, keeps and drops labels.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) label() string { return g.pick("job", "instance", "action", "a", "b") }

func (g generator) matcher() string {
	return g.label() + g.pick(`="x"`, `!="x"`, `=""`, `!=""`, `=~"x|y"`, `=~".*"`, `!~"x"`, `=~""`)
}

func (g generator) selector() string {
	return "{" + g.pick(`__name__="m1"`, `__name__="m2"`, `__name__="first"`, `__name__=~"m1|first"`) +
		g.pick("", "", ","+g.matcher(), ","+g.matcher()+","+g.matcher()) + "}"
}

func (g generator) plain() string { // a selector with its name in front, for ranges
	return g.pick("m1", "first") + g.pick("", "{"+g.matcher()+"}")
}

func (g generator) matching() string {
	return g.pick("", "", g.pick("on", "ignoring")+" ("+g.pick("", g.label(), g.label()+","+g.label())+")")
}

// vector is an expression that gives a vector.
func (g generator) vector(depth int) string {
	if depth == 0 {
		return g.selector()
	}
	sub := func() string { return g.vector(depth - 1) }
	switch g.IntN(14) {
	case 0:
		return fmt.Sprintf("%s %s (%s) (%s)", g.pick("sum", "max", "count", "group"), g.pick("by", "without"),
			g.pick("", g.label(), g.label()+","+g.label()), sub())
	case 1:
		return fmt.Sprintf("topk by (%s) (2, %s)", g.label(), sub())
	case 2:
		return fmt.Sprintf(`count_values %s (%q, %s)`, g.pick("", "by (a)", "without ("+g.label()+")"), g.label(), sub())
	case 3:
		return fmt.Sprintf(`label_replace(%s, %q, %q, %q, %q)`, sub(), g.label(), g.pick("", "z", "$1", "z$1"),
			g.pick("", g.label()), g.pick("", ".*", "(.*)", "(.+)", "x", "y|"))
	case 4:
		return fmt.Sprintf(`label_join(%s, %q, %q%s)`, sub(), g.label(), g.pick("", "-"),
			g.pick("", `, "a"`, `, "a", "b"`, `, "job", "nope"`, `, "nope"`))
	case 5:
		return "absent(" + g.pick(g.selector(), "("+g.selector()+")", sub()) + ")"
	case 6:
		return "absent_over_time(" + g.plain() + g.pick("[5m]", "[5m:1m]") + ")"
	case 7, 8, 9:
		m := g.matching()
		group := ""
		if m != "" {
			group = g.pick("", " group_left ()", " group_left ("+g.label()+")", " group_right ("+g.label()+")")
		}
		return fmt.Sprintf("(%s) %s %s%s (%s)", sub(), g.pick("+", "*", ">", "== bool"), m, group, sub())
	case 10, 11:
		return fmt.Sprintf("(%s) %s %s (%s)", sub(), g.pick("and", "or", "unless"), g.matching(), sub())
	case 12:
		return fmt.Sprintf(g.pick("-(%s)", "abs(%s)", "sort(%s)", "(%s) > 0", "2 - (%s)", "vector(scalar(%s))", "max_over_time((%s)[5m:1m])", "timestamp(%s)"), sub())
	}
	return g.pick("max_over_time", "rate", "count_over_time") + "(" + g.plain() + "[10m])"
}

// measuredSeries are series as a registry gives them: with any labels but those of a server.
func (g generator) measuredSeries() exprtest.Memory {
	var out exprtest.Memory
	seen := map[string]bool{}
	for range g.IntN(7) {
		l := labels.FromMap(map[string]string{"__name__": g.pick("m1", "m2"), "a": g.pick("x", "y"), "b": g.pick("x", "y", "z")})
		if g.IntN(4) == 0 {
			l = labels.NewBuilder(l).Set("action", g.pick("x", "z")).Labels()
		}
		if g.IntN(3) == 0 {
			l = l.DropReserved(func(name string) bool { return name == "b" })
		}
		if !seen[l.String()] {
			seen[l.String()] = true
			out = append(out, promql.Sample{Metric: l, F: float64(g.IntN(3))})
		}
	}
	return out
}

// holds checks what is said of two rules, of which the second reads the first, against what the engine makes of them.
// It reports how often the result had a label of the server's.
func holds(t *testing.T, g generator, engine *promql.Engine, first, second string) (carried int) {
	p := parser.NewParser(parser.Options{})
	var rules []Rule
	exprs := map[string]string{"first": first, "second": second}
	for name, expr := range exprs {
		e, err := p.ParseExpr(expr)
		if err != nil {
			return 0 // a label stands in on () and in group_left ()
		}
		rules = append(rules, Rule{Record: name, Expr: e})
	}
	f := Trace(rules)
	for range 4 {
		store := g.measuredSeries()
		for _, name := range []string{"first", "second"} {
			i := 0
			if rules[i].Record != name {
				i = 1
			}
			result, ok := store.Query(t, engine, exprs[name])
			if !ok {
				break
			}
			for _, s := range result {
				s.Metric = labels.NewBuilder(s.Metric).Set(labels.MetricName, name).Labels()
				store = append(store, promql.Sample{Metric: s.Metric, F: s.F})
				carried += f.of[i].agree(t, s.Metric, first, second)
			}
		}
	}
	return carried
}

// agree fails the test if a series is not as the flow says.
func (f Flow) agree(t *testing.T, l labels.Labels, first, second string) (carried int) {
	t.Helper()
	for i, name := range tracedLabels() {
		want := missing
		if l.Has(name) {
			want = present
			if i < len(TargetLabels()) {
				carried = 1
			}
		}
		if f.ways[i]&want == 0 || f.Empty() {
			t.Fatalf("first: %s\nsecond: %s\nthe result %s is not among what was said: %+v", first, second, l, f.ways)
		}
		if want == present && f.from[i] == nil && i < len(TargetLabels()) {
			t.Fatalf("first: %s\nsecond: %s\nnobody knows where the label %s comes from", first, second, name)
		}
	}
	return carried
}

func TestFlowAgreesWithEngine(t *testing.T) {
	engine := exprtest.NewEngine()
	carried := 0
	for seed := range uint64(1500) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		carried += holds(t, g, engine, strings.ReplaceAll(g.vector(2), "first", "m2"), g.vector(3))
	}
	if carried < 500 {
		t.Errorf("only %d results carried a label: the test sees too little", carried)
	}
}
