package expr

import (
	"math"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr/exprtest"
)

// stored reads series such as `x{a="b"} 1; y NaN`.
func stored(t *testing.T, text string) exprtest.Memory {
	t.Helper()
	out := exprtest.Memory{{Metric: labels.FromStrings(labels.MetricName, "chorus_exporter_build_info"), F: 1}}
	for one := range strings.SplitSeq(text, ";") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		l, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(one)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, promql.Sample{Metric: l, F: values[0].Value})
	}
	return out
}

// Whether there is data for an alert, in every form that an alert may have.
func TestDerivedData(t *testing.T) {
	for _, c := range []struct {
		name, expr string
		there      []string // series with which there is data, separated by ;
		missing    []string // and without
	}{
		{"limit", `x > 5`, []string{"x 1", "x -1", "x +Inf", "x -Inf", `x{a="b"} 1; x 2`}, []string{"", "x NaN", "y 1", `x{a="b"} 1; x NaN`}},
		{"limit on the left", `0.9 < x`, []string{"x 1", "x -3"}, []string{"", "x NaN"}},
		{"negative", `-x < -5`, []string{"x -1"}, []string{"", "x NaN"}},
		{"arithmetic", `x * 2 - y > 5`, []string{"x 1; y 2"}, []string{"x 1", "y 1", "x 1; y NaN", `x{a="b"} 1; y 2`}},
		{"remainder of nothing", `x % 0 > 5`, nil, []string{"x 1"}},
		{"root of less than nothing", `sqrt(x) > 5`, []string{"x 1"}, []string{"x -1"}},
		{"not a number, asked for", `x != x`, []string{"x NaN", "x 1"}, []string{""}},
		{"scalar limit", `x > scalar(y)`, []string{"x 1; y 2"}, []string{"x 1", "y 1", "x 1; y NaN", `x 1; y{a="b"} 1; y 2`}},
		{"scalar limit on the left", `scalar(y) <= x`, []string{"x 1; y 2"}, []string{"x 1", "y 1"}},
		{"limit that is a vector", `x > vector(5)`, []string{"x 1"}, []string{"", `x{a="b"} 1`}},
		{"limit that is a vector on nothing", `x > on () group_left () vector(5)`, []string{"x 1", `x{a="b"} 1`}, []string{""}},
		{"limit that is not a number at times", `x > scalar(vector(0) / 0)`, nil, []string{"x 1"}},
		{"limit of the clock", `x > time()`, []string{"x 1"}, []string{""}},
		{"maximum", `max(x) > 5`, []string{`x{a="b"} 1; x 2`}, []string{"", "x NaN", `x{a="b"} 1; x NaN`}},
		{"minimum of another", `min(x * NaN or vector(1)) > 5`, []string{""}, []string{"x 1"}},
		{"largest", `topk(2, x) > 5`, []string{`x{a="b"} 1; x 2`}, []string{"", `x{a="b"} 1; x NaN`}},
		{"maximum of quotients", `max(x / y) > 5`, []string{`x 1; y 2; x{a="b"} 0; y{a="b"} 0`}, []string{"x 1"}},
		{"time", `time() - x > 60`, []string{"x 1"}, []string{"", "x NaN"}},
		{"time alone", `vector(time()) > 60`, []string{""}, nil},
		{"clock and", `x > 5 and on () hour() < 6`, []string{"x 1"}, []string{"", "x NaN"}},
		{"constant", `vector(1)`, []string{""}, nil},
		{"scalar", `scalar(x) > bool 5`, []string{"x 1"}, []string{"", "x NaN"}},
		{"scalar as a vector", `vector(scalar(x)) > 5`, []string{"x 1"}, []string{"", "x NaN", `x 1; x{a="b"} 2`}},

		{"two vectors", `x > y`, []string{"x 1; y 2", `x 1; y 2; x{a="b"} 1`}, []string{"x 1", "y 1", `x{a="b"} 1; y 2`, "x 1; y NaN", "x NaN; y 1"}},
		{"two vectors on", `x > on (a) y`, []string{`x{a="b",c="d"} 1; y{a="b"} 2`}, []string{`x{a="b"} 1; y{a="c"} 2`}},
		{"two vectors ignoring", `x > ignoring (c) group_left (e) y`, []string{`x{a="b",c="d"} 1; x{a="b",c="e"} 1; y{a="b",e="f"} 2; y{a="b"} 1`}, []string{`x{a="b"} 1; y{a="c"} 2`}},
		{"two vectors group_right", `x > on (a) group_right () y`, []string{`x{a="b"} 1; y{a="b",c="d"} 2; y{a="b"} 2`}, []string{`x{a="b"} 1; y{a="c"} 2`}},
		{"with itself before", `x > x offset 10m`, []string{"x 1"}, []string{"", "x NaN"}},
		{"limit with arithmetic", `x + 1 > y / 2`, []string{"x 1; y 2"}, []string{"x 1", "x 1; y NaN"}},
		{"limit that is picked", `x > (y > 5)`, []string{"x 1; y 2"}, []string{"x 1", "x 1; y NaN"}},
		{"limit with or", `x > (y or z)`, []string{"x 1; y 2", "x 1; z 2"}, []string{"x 1"}},

		{"quotient", `x / y > 5`, []string{"x 1; y 2", "x 0; y 0"}, []string{"x 1", "y 0", "x 0; y NaN", "x NaN; y 1", `x{a="b"} 0; y 0`}},
		{"quotient of a constant", `x / 0 > 5`, []string{"x 1"}, []string{"x 0", ""}},
		{"quotient of rates", `sum(rate(x[5m])) / sum(rate(y[5m])) > 0.1`, []string{"x 1; y 2"}, []string{"x 1", "y 2", "x 1; y NaN"}},
		{"quotient within", `1 - clamp_max(x / y, 1) > 0.5`, []string{"x 0; y 0", "x 1; y 2"}, []string{"x 0", "x 0; y NaN"}},
		{"quotient by a scalar", `x / scalar(y) > 5`, []string{"x 1; y 2", "x 0; y 0"}, []string{"x 1", "y 1", "x 1; y NaN"}},
		{"quotient as limit", `x > y / z`, []string{"x 1; y 2; z 3"}, []string{"x 1", "x 1; y 2", "x 1; y 0; z 0"}},
		{
			"quantile", `histogram_quantile(0.9, rate(x_bucket[5m])) > 5`,
			[]string{`x_bucket{le="1"} 0; x_bucket{le="+Inf"} 0`, `x_bucket{le="1"} 1; x_bucket{le="+Inf"} 2`},
			[]string{"", `x_bucket{le="1"} NaN; x_bucket{le="+Inf"} 0`, `x_bucket 5`},
		},
		{"mean over a range", `avg_over_time(x[10m]) > 5`, []string{"x 1"}, []string{"", "x NaN"}},
		{"maximum over a range", `max_over_time(x[10m]) > 5`, []string{"x 1"}, []string{"", "x NaN"}},
		{"subquery", `max_over_time(rate(x[5m])[10m:1m]) > 5`, []string{"x 1"}, []string{"", "x NaN"}},
		{"mean over a subquery", `avg_over_time((x / y)[10m:1m]) > 5`, []string{"x 0; y 0"}, []string{"x 0", "x 0; y NaN"}},
		{"comparison in a subquery", `count_over_time((x > 5)[10m:1m]) > 2`, []string{"x 1"}, []string{"", "x NaN"}},

		{"and", `x > 5 and y < 3`, []string{"x 1; y 2"}, []string{"x 1", "y 1", "x 1; y NaN"}},
		{"and of strangers", `x > 5 and y < 3`, []string{`x{a="b"} 1; y{a="b"} 2`}, []string{`x{a="b"} 1; y 2`, `x{a="b"} 1; y{a="c"} 2`}},
		{"and on a label", `x > 5 and on (a) y < 3`, []string{`x{a="b",c="d"} 1; y{a="b"} 2`}, []string{`x{a="b"} 1; y 2`}},
		{"and a series", `x > 5 and on () y`, []string{"x 1", "x 1; y 2"}, []string{"y 1"}},
		{"or", `x > 5 or y < 3`, []string{"x 1; y 2"}, []string{"x 1", "y 1"}},
		{"unless", `x > 5 unless on () y == 1`, []string{"x 1", "x 1; y NaN"}, []string{"", "y 1"}},
		{"unless in the value", `(x unless on () y) > 5`, []string{"x 1", "x 1; y 1"}, []string{"", "x NaN; y 1"}},
		{"and in the value", `sum(x and on () y) > 5`, []string{"x 1", "x 1; y 1"}, []string{"", "x NaN"}},
		{"and a comparison in the value", `sum(x and on () y > 3) > 5`, []string{"x 1; y 1"}, []string{"", "x 1", "x 1; y NaN"}},
		{"or in the value", `(x or vector(0)) > 5`, []string{"", "x 1"}, []string{"x NaN"}},

		{"bool", `(x > bool 5) == 1`, []string{"x 1"}, []string{"", "x NaN"}},
		{"bool alone", `x > bool 5`, []string{"x 1"}, []string{"", "x NaN"}},
		{"bools multiplied", `(x > bool 5) * (y > bool 5) == 1`, []string{"x 1; y 1"}, []string{"x 1", "x 1; y NaN", `x 1; y{a="b"} 1`}},
		{"bools counted", `sum(x > bool 5) > 2`, []string{"x 1"}, []string{"", "x NaN"}},
		{"bool of two vectors", `(x > bool y) == 1`, []string{"x 1; y 2"}, []string{"x 1", "x NaN; y 1", "x 1; y NaN"}},

		{"two limits", `5 < x < 9`, []string{"x 1"}, []string{"", "x NaN"}},
		{"counted", `count(x > 5) > 2`, []string{"x 1"}, []string{"", "x NaN"}},
		{"counted against another", `count(x > 5) > on () y`, []string{"x 1; y 1"}, []string{"x 1", "y 1", "x 1; y NaN"}},
		{"counted alone", `count(x > 5)`, []string{"x 1"}, []string{"", "x NaN"}},
		{"comparisons compared", `(x > 1) > (y < 2)`, []string{"x 1; y 1", "x 1; y 5"}, []string{"x 1", "y 1", "x 1; y NaN"}},
		{"labels from another", `(x > 5) * on () group_left (e) y`, []string{"x 1; y 1", `x{a="b"} 1; x 2; y{e="f"} 1`}, []string{"", "x 1", "y 1", "x NaN; y 1"}},
		{"labels from another, on the left", `y * on (a) group_right (e) (x > 5)`, []string{`x{a="b",c="d"} 1; y{a="b"} 1`}, []string{`x{a="b"} 1`, `x{a="b"} 1; y{a="c"} 1`}},
		{"labels from another, two vectors", `(x > on (a) z) * on (a) group_left (e) y`, []string{`x{a="b"} 1; z{a="b"} 2; y{a="b",e="f"} 1`}, []string{`x{a="b"} 1; z{a="b"} 2`, `x{a="b"} 1; z{a="b"} 2; y{a="c"} 1`}},
		{"labels from two others", `(x > 5) * on () group_left () y * on () group_left () z`, []string{"x 1; y 1; z 1"}, []string{"x 1; y 1", "x 1; z 1"}},
		{"a term added", `(x > 5) + y`, []string{"x 1; y 1"}, []string{"x 1", `x 1; y{a="b"} 1`}},
		{"labels of a choice", `((x > 5) or (z > 5)) * on () group_left () y`, []string{"x 1; z 1; y 1"}, []string{"x 1; z 1"}},
		{"labels renamed", `label_replace(x > 5, "a", "b", "", "") * on () group_left () y`, []string{"x 1; y 1"}, []string{"x 1"}},
		{"scaled", `(x > 5) * 100`, []string{"x 1"}, []string{""}},
		{"labels and a condition", `(x > 5) * on () group_left () y and on () z > 3`, []string{"x 1; y 1; z 1"}, []string{"x 1; z 1", "x 1; y 1"}},

		{"presence", `x`, []string{"", "x 1"}, nil},
		{"absence", `absent(x)`, []string{"", "x 1", "x NaN"}, nil},
		{"absence over time", `absent_over_time(x[5m])`, []string{"", "x 1"}, nil},
		{"absence compared", `absent(x) == 1`, []string{"", "x 1"}, nil},
		{"absence counted", `count(absent(x)) + 1 > 0`, []string{"", "x 1"}, nil},
		{"absence or a limit", `absent(x) or x > 5`, []string{"", "x 1"}, []string{"x NaN"}},
		{"absence or another limit", `absent(x) or x > y`, []string{"", "x 1; y 1"}, []string{"x 1", "x 1; y NaN"}},
		{"absence or a quotient", `absent(x) or x / y > 5 or absent(y)`, []string{"", "x 1", "x 0; y 0"}, []string{"x NaN; y 1"}},
		{"absence and a limit", `absent(x) and on () y > 5`, []string{"y 1", "x 1; y 1"}, []string{"", "x 1", "y NaN"}},
		{"alerts", `count(ALERTS{alertname="A"}) > 2`, []string{""}, nil},
		{"alerts with a metric", `count(ALERTS{alertname="A"}) > on () x`, []string{"x 1"}, []string{"", "x NaN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parser.NewParser(parser.Options{})
			e, err := p.ParseExpr(c.expr)
			if err != nil {
				t.Fatal(err)
			}
			data := Data([]parser.Expr{e})
			if _, err := p.ParseExpr(data); err != nil {
				t.Fatalf("%s does not parse: %v", data, err)
			}
			engine := exprtest.NewEngine()
			for want, with := range map[bool][]string{true: c.there, false: c.missing} {
				for _, text := range with {
					result, ok := stored(t, text).Query(t, engine, data)
					got := len(result) == 1 && !math.IsNaN(result[0].F)
					if !ok || got != want || len(result) > 1 {
						t.Errorf("with %q data is there: %v, %v; want %v\n%s", text, got, result, want, data)
					}
				}
			}
		})
	}
}
