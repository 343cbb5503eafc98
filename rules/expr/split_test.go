package expr

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

func TestSplit(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	for _, c := range []struct{ name, expr, want string }{
		{"limit on the right", `a > 1`, "fires if a > 1"},
		{"limit on the left", `1 < a`, "fires if a > 1"},
		{"at least, mirrored", `1 >= a`, "fires if a <= 1"},
		{"equal, mirrored", `1 == a`, "fires if a == 1"},
		{"scalar expression", `time() > a`, "fires if a < time()"},
		{"parentheses", `((a) > (1))`, "fires if a > 1"},
		{"bool is one", `(a > bool 1) == 1`, "fires if a > 1"},
		{"bool is not zero", `(a > bool 1) != 0`, "fires if a > 1"},
		{"bool over zero", `(a > bool 1) > 0`, "fires if a > 1"},
		{"bool is zero", `(a > bool 1) == 0`, "fires if a <= 1"},
		{"bool under one", `(a <= bool 1) < 1`, "fires if a > 1"},
		{"bool alone", `a > bool 1`, "fires if opaque a > bool 1"},
		{"two limits", `a > 1 < 5`, "fires if a > 1; and if a < 5"},
		{"two limits around", `1 < a < 5`, "fires if a > 1; and if a < 5"},
		{"and, unless", `a > 1 and b < 2 unless c == 3`, "fires if a > 1; and if b < 2; unless c == 3"},
		{"or", `a > 1 or b > 2`, "fires if a > 1; or if b > 2"},
		{
			"behind unless", `a > 1 unless (b > 2 and c > 3 or 4 < d < 5)`,
			"fires if a > 1; unless b > 2; unless c > 3; unless d > 4; unless d < 5",
		},
		{"absent", `absent(a)`, "fires if absent a"},
		{"absent over time", `absent_over_time(a[5m])`, "fires if absent a[5m]"},
		{"presence", `a unless on (x) b`, "fires if present a; unless present b"},
		{"alert", `ALERTS{alertname="x"}`, `fires if alert ALERTS{alertname="x"}`},
		{"labels from the right", `(a >= b) * on (x) group_left (y) i`, "fires if a >= b"},
		{"labels from the left", `i * on (x) group_right () (a >= b)`, "fires if a >= b"},
		{"matching", `a > on (x) group_left () b`, "fires if a > b"},
		{"aggregated", `count(a > 3) > 2`, "fires if count(a > 3) > 2"},
		{"aggregate alone", `count(a > 3)`, "fires if opaque count(a > 3)"},
		{"relabelled", `label_replace(a > 3, "x", "y", "z", "(.*)")`, "fires if a > 3"},
		{"sorted", `sort_desc(a > 3)`, "fires if a > 3"},
		{"constant", `vector(1)`, "fires if opaque vector(1)"},
		{"constant and", `vector(1) and on () a > 1`, "fires if opaque vector(1); and if a > 1"},
		{"subquery", `max_over_time((a > 1)[5m:])`, "fires if opaque max_over_time((a > 1)[5m:])"},
		{"comparison on the right", `(a > 1) > (b < 2)`, "fires if a > 1; and if a > b < 2"},
		{"minus", `-a < -1`, "fires if -a < -1"},
		{"not a number", `a != a`, "fires if a != a"},
		{"sum", `a + b > c - d`, "fires if a + b > c - d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := p.ParseExpr(c.expr)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range Split(e) {
				got = append(got, condition(t, p, c))
			}
			if g := strings.Join(got, "; "); g != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.expr, g, c.want)
			}
		})
	}
}

// condition is a condition as text. Whatever is in it must parse on its own.
func condition(t *testing.T, p parser.Parser, c Condition) string {
	t.Helper()
	for _, e := range []parser.Expr{c.Value, c.Limit, c.Aligned} {
		if e == nil {
			continue
		}
		if _, err := p.ParseExpr(e.String()); err != nil {
			t.Errorf("%s does not parse on its own: %v", e, err)
		}
	}
	if c.Kind != Compare {
		return string(c.Role) + " " + string(c.Kind) + " " + c.Value.String()
	}
	return string(c.Role) + " " + c.Value.String() + " " + c.Op + " " + c.Limit.String()
}

func TestSplitAligned(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	for expr, want := range map[string]string{
		`a > 1`:                              "",
		`a > b`:                              "0 * a + b",
		`a + 1 > on (x) group_left (y) b/2`:  "0 * (a + 1) + on (x) group_left (y) (b / 2)",
		`(a > ignoring (x) b) * on (z) info`: "0 * a + ignoring (x) b",
		`time() > a`:                         "",
	} {
		e, err := p.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if aligned := Split(e)[0].Aligned; aligned != nil {
			got = aligned.String()
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", expr, got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		`a > 1 and b < 2`, `(a > bool 1) == 0`, `a > 1 < 5`, `absent(a)`, `a or b unless c > time()`, `absent(a) or a / b > on (c) group_left () d`,
		`-a ^ 2 > (b and c) / scalar(d)`, `(a > bool b) * c != 0 and {e="f"}`, `"text"`, `a[5m:]`,
	} {
		f.Add(s)
	}
	p := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, expr string) {
		e, err := p.ParseExpr(expr)
		if err != nil {
			return
		}
		conditions := Split(e)
		if len(conditions) == 0 || conditions[0].Role != FiresIf {
			t.Errorf("%q splits into %v", expr, conditions)
		}
		for _, c := range conditions {
			if c.Value == nil || (c.Kind == Compare) != (c.Limit != nil) {
				t.Errorf("%q has the condition %+v", expr, c)
			}
		}
		LooksBack(e)
		if data := Data([]parser.Expr{e}); !parses(p, data) {
			t.Errorf("the data of %q is %q, which does not parse", expr, data)
		}
	})
}

func parses(p parser.Parser, expr string) bool {
	_, err := p.ParseExpr(expr)
	return err == nil
}
