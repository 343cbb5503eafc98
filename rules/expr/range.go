package expr

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/promql/parser"
)

// valueRange are the numbers that an expression may have, NaN apart. why says what bounds them; empty: nothing does.
type valueRange struct {
	least, most float64
	why         string
	number      bool // never NaN
}

// excludes reports whether no number of the range stands in the relation.
func (r valueRange) excludes(op parser.ItemType, limit float64) bool {
	switch op {
	case parser.GTR:
		return r.most <= limit
	case parser.GTE:
		return r.most < limit
	case parser.LSS:
		return r.least >= limit
	case parser.LTE:
		return r.least > limit
	case parser.EQLC:
		return limit < r.least || limit > r.most
	case parser.NEQ: // which NaN is
		return r.number && r.least == r.most && limit == r.least
	}
	return false
}

// rangeOf is the range of an expression's values.
func (m Metrics) rangeOf(e parser.Expr) valueRange {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() && e.ReturnBool {
			return valueRange{0, 1, "it gives 0 or 1", false}
		}
		return rangeOfArithmetic(e)
	case *parser.AggregateExpr:
		return m.rangeOfAggregate(e)
	case *parser.Call:
		return m.rangeOfCall(e)
	case *parser.VectorSelector:
		if isAlerts(e) && e.Name == AlertsSeries {
			return valueRange{1, 1, "an alert that is active has the value 1, any other is not there", true}
		}
		if n := m[e.Name]; n.Max != nil { // a measurement may be a little over it
			return valueRange{0, 2 * *n.Max, fmt.Sprintf("it goes from 0 to %s", text(*n.Max)), false}
		}
	}
	return unbounded()
}

// rangeOfArithmetic is that of a remainder, an even power, and a difference of a value with itself.
func rangeOfArithmetic(e *parser.BinaryExpr) valueRange {
	by, ok := constantOf(e.RHS)
	switch {
	case e.Op == parser.MOD && ok && by > 0 && !math.IsInf(by, 0):
		return valueRange{-by, by, "a remainder is smaller than the divisor", false}
	case e.Op == parser.POW && ok && math.Mod(by, 2) == 0:
		return valueRange{0, math.Inf(1), "an even power is not negative", false}
	case e.Op == parser.SUB && e.LHS.String() == e.RHS.String() && plain(e.VectorMatching):
		return valueRange{0, 0, "a value less itself is 0", false}
	}
	return unbounded()
}

// plain reports whether series are matched by all their labels.
func plain(m *parser.VectorMatching) bool { return m == nil || !m.On && len(m.MatchingLabels) == 0 }

func unbounded() valueRange { return valueRange{math.Inf(-1), math.Inf(1), "", false} }

func (m Metrics) rangeOfCall(e *parser.Call) valueRange {
	switch name := e.Func.Name; name {
	case "absent", "absent_over_time", "present_over_time":
		return valueRange{1, 1, "it gives 1 or nothing", true}
	case "count_over_time":
		return valueRange{1, math.Inf(1), "where there are no samples it gives nothing, use absent_over_time()", false}
	case "abs", "sqrt", "exp", "timestamp", "changes", "resets", "stddev_over_time", "stdvar_over_time":
		return valueRange{0, math.Inf(1), "it gives no negative number", false}
	case "sgn":
		return valueRange{-1, 1, "it gives -1, 0 or 1", false}
	case "sin", "cos", "tanh":
		return valueRange{-1, 1, "it goes from -1 to 1", false}
	case "vector":
		return m.rangeOf(e.Args[0])
	case "time":
		return valueRange{1e9, math.Inf(1), "it is the time since 1970 in seconds", false}
	case "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month":
		return rangeOfDate(name)
	case "clamp_min", "clamp_max", "clamp":
		return m.rangeOfClamp(e)
	}
	return unbounded()
}

func rangeOfDate(name string) valueRange {
	r := map[string][2]float64{
		"minute": {0, 59}, "hour": {0, 23}, "day_of_week": {0, 6}, "day_of_month": {1, 31}, "day_of_year": {1, 366},
		"days_in_month": {28, 31}, "month": {1, 12},
	}[name]
	return valueRange{r[0], r[1], fmt.Sprintf("it goes from %s to %s", text(r[0]), text(r[1])), false}
}

func (m Metrics) rangeOfClamp(e *parser.Call) valueRange {
	out := m.rangeOf(e.Args[0])
	for i, arg := range e.Args[1:] {
		limit, ok := constantOf(arg)
		if !ok || math.IsNaN(limit) {
			continue
		}
		if out.why = "it is clamped"; e.Func.Name == "clamp_max" || i == 1 {
			out.most = min(out.most, limit)
		} else {
			out.least = max(out.least, limit)
		}
	}
	if out.least > out.most {
		return unbounded() // it has no result, or that of the limit
	}
	return out
}

func (m Metrics) rangeOfAggregate(e *parser.AggregateExpr) valueRange {
	switch e.Op {
	case parser.STDDEV, parser.STDVAR:
		return valueRange{0, math.Inf(1), "it gives no negative number", false}
	case parser.COUNT, parser.COUNT_VALUES:
		return valueRange{1, math.Inf(1), "where there is no series it gives nothing, use absent()", false}
	case parser.GROUP:
		return valueRange{1, 1, "it gives 1 or nothing", true}
	case parser.MAX, parser.MIN, parser.AVG, parser.TOPK, parser.BOTTOMK:
		return m.rangeOf(e.Expr)
	case parser.SUM:
		if r := m.rangeOf(e.Expr); r.least >= 0 {
			return valueRange{r.least, math.Inf(1), r.why, false}
		}
	}
	return unbounded()
}

// neverNumber reports whether every value of an expression is NaN, as where something is multiplied by it.
func neverNumber(e parser.Expr) bool {
	if v, ok := constantOf(e); ok {
		return math.IsNaN(v)
	}
	switch e := Bare(e).(type) {
	case *parser.UnaryExpr:
		return neverNumber(e.Expr)
	case *parser.AggregateExpr:
		if v, ok := constantOf(e.Param); ok && e.Op == parser.QUANTILE && math.IsNaN(v) {
			return true
		}
		return e.Op != parser.COUNT && e.Op != parser.GROUP && e.Op != parser.COUNT_VALUES && neverNumber(e.Expr)
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.ADD, parser.SUB, parser.MUL, parser.DIV, parser.MOD:
			return neverNumber(e.LHS) || neverNumber(e.RHS)
		}
	case *parser.Call:
		return neverNumberOfCall(e)
	}
	return false
}

func neverNumberOfCall(e *parser.Call) bool {
	switch e.Func.Name {
	case "histogram_quantile", "quantile_over_time":
		v, ok := constantOf(e.Args[0])
		return ok && math.IsNaN(v)
	case "abs", "ceil", "floor", "round", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sort", "sort_desc", "label_replace",
		"label_join":
		return neverNumber(e.Args[0])
	}
	return false
}
