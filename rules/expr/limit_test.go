package expr

import (
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

func TestLimitOf(t *testing.T) {
	for _, c := range []struct{ name, expr, want string }{
		{"number", `a > 0.9`, `> 0.9`},
		{"negative number", `a < -1`, `< -1`},
		{"number on the left", `0.9 < a`, `> 0.9`},
		{"parentheses", `((a) >= (3))`, `>= 3`},
		{"scalar", `a > time() - 5`, `> expr clamp(a, 0, 0) + (time() - 5)`},
		{"vector", `a > ignoring (x) group_left () b`, `> expr clamp(a, 0, 0) + ignoring (x) group_left () b`},
		{"sums", `a - b > on (x) 2 * c`, `> expr clamp(a - b, 0, 0) + on (x) (2 * c)`},
		{
			"joined to an info series", `(a >= b) * on (x) group_left (y) info`,
			`>= expr (clamp(a, 0, 0) + b) * on (x) group_left (y) info`,
		},
		{"percent", `(a > 0.9) * 100`, `> expr (clamp(a, 0, 0) + 0.9) * 100`},
		{"mirrored by arithmetic", `1 - (a < 0.1)`, `< expr 1 - (clamp(a, 0, 0) + 0.1)`},
		{"and, unless", `a > 1 and b < 2 unless c`, `> 1`},
		{"the value is not compared", `a and b > 2`, "none"},
		{"two limits", `a > 1 < 5`, `> 1`},
		{"either, with one limit", `a > 1 or b > 1`, `> 1`},
		{
			"either", `a > 1 or b < 2`,
			` expr ((clamp(a, 0, 0) + 1) and (a > 1)) or ((clamp(b, 0, 0) + 2) and (b < 2))`,
		},
		{"either, one of them compared", `a > 1 or absent(b)`, `> expr ((clamp(a, 0, 0) + 1) and (a > 1))`},
		{"relabelled", `label_replace(a > 1, "x", "y", "z", "(.*)")`, `> 1`},
		{
			"relabelled vector", `label_replace(a > b, "x", "y", "z", "(.*)")`,
			`> expr label_replace(clamp(a, 0, 0) + b, "x", "y", "z", "(.*)")`,
		},
		{"sorted", `sort_desc(a > 1)`, `> 1`},
		{"aggregated", `count(a > 3) > 2`, `> 2`},
		{"equal", `up == 0`, `== 0`},
		{"bool", `a > bool 1`, "none"},
		{"bool is one", `(a > bool 1) == 1`, `== 1`},
		{"both sides compare", `(a > 1) + (b > 2)`, "none"},
		{"power", `(a > 2) ^ 2`, "none"},
		{"presence", `a`, "none"},
		{"absent", `absent(a)`, "none"},
		{"constant", `vector(1)`, "none"},
		{"aggregate of a comparison", `sum(a > 3)`, "none"},
		{"infinite", `a > +Inf`, `> +Inf`},
		{"not PromQL", `a >`, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := "none"
			if l, ok := LimitOf(c.expr); ok {
				got = l.Op + " expr " + l.Expr
				if l.Number != nil {
					got = fmt.Sprintf("%s %v", l.Op, *l.Number)
				}
			}
			if got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.expr, got, c.want)
			}
		})
	}
}

func FuzzLimitOf(f *testing.F) {
	for _, s := range []string{`a > 1 and b < 2`, `(a > b) * on (x) group_left () c`, `a > 1 or b < c`, `1 < a < 5`, `-(a > 1)`} {
		f.Add(s)
	}
	p := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, expr string) {
		l, ok := LimitOf(expr)
		if !ok || l.Number != nil {
			return
		}
		if _, err := p.ParseExpr(l.Expr); err != nil {
			t.Errorf("the limit of %q is %q, which does not parse: %v", expr, l.Expr, err)
		}
	})
}
