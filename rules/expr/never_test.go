package expr

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

// known is what is known of metrics.
func known() Metrics {
	one := 1.0
	return Metrics{
		"r": {Labels: []string{"path"}, Max: &one}, "limit": {Labels: []string{"resource"}}, "plain": {Labels: []string{}},
		"both": {Labels: []string{"path", "resource"}},
	}
}

func TestNever(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	for expr, want := range map[string]string{
		`x > NaN`:                           "NaN is not a number",
		`x >= 0/0`:                          "0 / 0 is not a number",
		`NaN > x`:                           "NaN is not a number",
		`x == NaN`:                          "NaN is not a number",
		`x > scalar(vector(NaN))`:           "is not a number",
		`x < on () vector(NaN * 2)`:         "is not a number",
		`(x > NaN) * on () group_left () y`: "NaN is not a number",
		`label_replace(x > NaN, "a", "b", "", "")`: "NaN is not a number",
		`count(x > -NaN) > 0`:                      "is not a number",
		`x > 5 and y > NaN`:                        "NaN is not a number",
		`x > NaN or y > NaN`:                       "NaN is not a number",
		`x > NaN unless y`:                         "NaN is not a number",
		`max_over_time((x > NaN)[5m:1m])`:          "NaN is not a number",
		`x > Inf`:                                  "no number is > +Inf",
		`x < -Inf`:                                 "no number is < -Inf",
		`Inf < x`:                                  "no number is > +Inf",
		`vector(1) > 5`:                            "vector(1) > 5 is never true",
		`5 < x < 3`:                                "no number is both > 5 and < 3",
		`(x >= 5) < 5`:                             "no number is both >= 5 and < 5",
		`(x == 5) > 7`:                             "no number is both == 5 and > 7",
		`(x > 7) == 5`:                             "no number is both > 7 and == 5",
		`x > x`:                                    "x is compared with itself",
		`count(x) == 0`:                            "count(x) is never == 0: where there is no series it gives nothing, use absent()",
		`count by (a) (x > 5) < 1`:                 "where there is no series it gives nothing, use absent()",
		`max(count by (a) (x)) <= 0`:               "where there is no series it gives nothing, use absent()",
		`1 > sum(count by (a) (x))`:                "where there is no series it gives nothing, use absent()",
		`count_over_time(x[5m]) < 1`:               "use absent_over_time()",
		`absent(x) == 0`:                           "absent(x) is never == 0: it gives 1 or nothing",
		`(x > bool 5) == 2`:                        "it gives 0 or 1",
		`(x > bool 5) > 1`:                         "it gives 0 or 1",
		`abs(x) < 0`:                               "it gives no negative number",
		`count(x) > 0`:                             "", `count(x) != 0`: "", `count(x) == 0 or absent(x)`: "", `sum(x > bool 5) > 1`: "", `sum(x) < 0`: "",
		`rate(x[5m]) < 0`: "", `count(x) == 1`: "",
		`x * NaN > 3`:                     "x * NaN is not a number",
		`max(-(x / NaN)) > 3`:             "is not a number",
		`quantile(0.5, abs(x * NaN)) > 3`: "is not a number",
		`x > y * NaN`:                     "y * NaN is not a number",
		`hour() > 23`:                     "hour() is never > 23: it goes from 0 to 23",
		`day_of_week() == 7`:              "it goes from 0 to 6",
		`clamp(x, 0, 4) > 4`:              "it is clamped",
		`max(clamp_max(x, 4)) >= 5`:       "it is clamped",
		`clamp_min(x, 1) < 1`:             "it is clamped",
		`ALERTS{alertname="A"} > 1`:       "an alert that is active has the value 1",
		`ALERTS == 0`:                     "an alert that is active has the value 1",
		`sgn(x) > 1`:                      "it gives -1, 0 or 1",
		`x ^ NaN > 3`:                     "", `count(x * NaN) > 3`: "", `x * NaN != 3`: "", `hour() > 22`: "", `clamp(x, 5, 1) > 9`: "", `clamp(x, 0, 4) > 3`: "",
		`clamp(x, scalar(y), 4) > 3`: "", `ALERTS > 0`: "", `ALERTS_FOR_STATE > 5`: "", `count(ALERTS) > 3`: "", `sum(clamp_min(x, 1)) < 5`: "",
		`r > 90`:               "r is never > 90: it goes from 0 to 1",
		`max by (a) (r) >= 80`: "it goes from 0 to 1",
		`r < 0`:                "it goes from 0 to 1",
		`r > 0.9`:              "", `100 * r > 90`: "", `r > 1`: "", `r == 0`: "", `rate(r[5m]) < 0`: "", `sum(r) > 5`: "",
		`r > limit`: "no series of r has a partner among those of limit: one side alone has path and resource; match with ignoring (path, resource) group_left ()",
		`r > plain`: "one side alone has path",
		`sum by (path) (both) * r > limit{a="b"}`:    "", // the product is not followed
		`max by (path) (both) > on (resource) limit`: "one side alone has resource; match with on () group_left ()",
		`r and limit`:                         "no series of r has a partner",
		`rate(r[5m]) > 2 * limit`:             "no series of",
		`sum(r) > r`:                          "one side alone has path",
		`r > vector(5)`:                       "one side alone has path",
		`r > ignoring (path, resource) limit`: "", `r > on () group_left () limit`: "", `r unless limit`: "", `r or limit > 5`: "", `r > sum by (path) (both)`: "",
		`max by (path) (both) > r`: "", `sum(r) > plain`: "", `x > limit`: "", `label_replace(r, "resource", "disk", "", "") > limit`: "", `both > ignoring (resource) group_left () r`: "",
		`x{path="/"} > 1 and x{path="/tmp"} < 5`:                        "path is \"/\" on one side and \"/tmp\" on the other; match with ignoring (path)",
		`max by (path) (x{path="a"}) > on (path) rate(y{path="b"}[5m])`: "match with ignoring (path)",
		`x > 0.9 and x <= 0.9`:                                          "no number is both > 0.9 and <= 0.9",
		`0.9 < x and x < 0.5`:                                           "no number is both > 0.9 and < 0.5",
		`x > x + 1`:                                                     "x is never > x + 1", `x - 2 > x`: "x - 2 is never > x", `x - 2 >= x`: "", `x + 1 > x`: "", `(x - 1) < x - 1`: "compared with itself",
		`x unless x`: "x is left out where it is there", `x - x > 0`: "a value less itself is 0",
		`sin(x) > 2`: "it goes from -1 to 1", `x % 1 > 1`: "a remainder", `x ^ 2 < 0`: "an even power", `exp(x) < 0`: "no negative number",
		`stddev(x) < 0`: "no negative number", `count_values("v", x) < 1`: "gives nothing", `absent(x) != 1`: "it gives 1 or nothing",
		`vector(time()) < 5`: "since 1970", `quantile(NaN, x) > 0`: "is not a number", `histogram_quantile(NaN, b) > 5`: "is not a number",
		`x{path="/"} > 1 and ignoring (path) x{path="/tmp"} < 5`: "", `x{a="1"} unless x{a="2"}`: "", `x{a="1"} or x{a="2"} > 5`: "",
		`max(x{a="1"}) > max(x{a="2"})`: "", `x{a="1"} > on (b) x{a="2"}`: "", `x > 0.9 and on (a) x <= 0.9`: "", `x > x - 1`: "", `x >= x`: "",
		`x == x + 1`: "", `x % 2 > 1`: "", `x ^ 3 < 0`: "", `x unless on () x`: "", `label_replace(x{a="1"}, "a", "2", "", "") > x{a="2"}`: "",
		`absent(vector(1))`:      "vector(1) is always there",
		`absent(x or vector(0))`: "is always there",
		`x > 5`:                  "", `x != NaN`: "", `x != x`: "", `x >= Inf`: "", `x <= -Inf`: "", `x > -Inf`: "", `x < Inf`: "",
		`x > NaN or y > 1`: "", `x > bool NaN`: "", `absent(x > NaN)`: "", `vector(1) > 0`: "", `3 < x < 5`: "",
		`(x >= 5) <= 5`: "", `(x == 5) > 3`: "", `x > on (a) group_left (b) x`: "", `x > x offset 5m`: "", `x unless y > NaN`: "",
		`(x > bool 5) < 1`: "", `vector(time()) > 5`: "", `scalar(x > NaN) == bool 1`: "", `absent_over_time(x[5m])`: "",
	} {
		e, err := p.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := known().Never(e); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// generator writes random expressions.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

// series are some that a random expression may read.
func (g generator) series() exprtest.Memory {
	var out exprtest.Memory
	for _, a := range []string{"x", "y"} {
		for _, name := range []string{"m1", "m2"} {
			if g.IntN(2) == 0 {
				out = append(out, promql.Sample{Metric: labels.FromStrings("__name__", name, "a", a), F: float64(g.IntN(3))})
			}
		}
	}
	return out
}

// constants writes random comparisons with constants, in the forms that may contradict.
func (g generator) constants(depth int) string {
	number := func() string {
		return g.pick("NaN", "0", "1", "-1", "2", "Inf", "-Inf", "1/0", "0/0", "scalar(vector(1))", "1 > bool 0")
	}
	op := func() string { return g.pick(">", "<", ">=", "<=", "==", "!=") }
	if depth == 0 {
		if g.IntN(4) == 0 {
			return g.pick("r", "m1", "both") + fmt.Sprintf("{%s=%q}", g.pick("path", "a"), g.pick("a", "b", "x"))
		}
		return g.pick("m1", "m2", "r", "limit", "plain", "both", "m1", "vector("+number()+")", "scalar(m1)*vector(1)")
	}
	sub := func() string { return "(" + g.constants(depth-1) + ")" }
	switch g.IntN(8) {
	case 0, 1:
		if g.IntN(4) == 0 {
			same := sub()
			return same + op() + same + g.pick("", "+1", "-1") + g.pick("", " and "+same+op()+number(), " unless "+same)
		}
		return sub() + op() + number()
	case 2:
		return number() + op() + sub()
	case 3:
		return sub() + op() + g.pick("", "on ()", "on (path)", "ignoring (path)", "ignoring (path, resource) group_left ()") + sub()
	case 4:
		return sub() + g.pick(" and ", " or ", " unless ", " + ", "* on () group_left () ", " and on () ") + sub()
	case 5:
		if g.IntN(3) == 0 {
			return g.pick("clamp_min(", "clamp_max(", "clamp(1 * ", "sgn(1 + ") + sub() + g.pick(")", ", "+number()+")", ", "+number()+", 1)")
		}
		return g.pick("max", "max by (path)", "sum without (path)", "count", "absent", "-", "abs", "sort", "sum", "group", "sqrt", "avg", "stddev", "exp", "sin", "timestamp", "vector(time())+") + sub()
	case 6:
		return fmt.Sprintf("%s(%s[5m:1m])", g.pick("max_over_time", "count_over_time", "last_over_time"), sub())
	}
	return sub() + op() + "bool " + number()
}

// What is said never to have a result has none on the engine, whatever is stored.
func TestNeverAgreesWithEngine(t *testing.T) {
	engine, p := exprtest.NewEngine(), parser.NewParser(parser.Options{})
	said := 0
	for seed := range uint64(4000) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		expr := g.constants(1 + g.IntN(3))
		e, err := p.ParseExpr(expr)
		if err != nil || known().Never(e) == "" {
			continue
		}
		said++
		for _, store := range []exprtest.Memory{nil, {{Metric: labels.FromStrings("__name__", "m1"), F: 1}}, g.series(), {
			{Metric: labels.FromStrings("__name__", "m1"), F: g.Float64() * 3},
			{Metric: labels.FromStrings("__name__", "m2"), F: float64(g.IntN(3) - 1)},
			{Metric: labels.FromStrings("__name__", "r", "path", "a"), F: g.Float64()},
			{Metric: labels.FromStrings("__name__", "r", "path", "b"), F: g.Float64()},
			{Metric: labels.FromStrings("__name__", "limit", "resource", "a"), F: g.Float64()},
			{Metric: labels.FromStrings("__name__", "both", "path", "a", "resource", "a"), F: g.Float64()},
			{Metric: labels.FromStrings("__name__", "plain"), F: g.Float64()},
		}} {
			if result, ok := store.Query(t, engine, expr); ok && len(result) > 0 {
				t.Fatalf("%s never has a result, it is said (%s), but has %v with %v", expr, known().Never(e), result, []promql.Sample(store))
			}
		}
	}
	if said < 300 {
		t.Errorf("only %d expressions were said to have no result: the test sees too little", said)
	}
}
