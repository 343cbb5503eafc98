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
	}
	return false
}

// rangeOf is the range of an expression's values.
func (m Metrics) rangeOf(e parser.Expr) valueRange {
	switch e := Bare(e).(type) {
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() && e.ReturnBool {
			return valueRange{0, 1, "it gives 0 or 1"}
		}
	case *parser.AggregateExpr:
		return m.rangeOfAggregate(e)
	case *parser.Call:
		return m.rangeOfCall(e)
	case *parser.VectorSelector:
		if isAlerts(e) && e.Name == AlertsSeries {
			return valueRange{1, 1, "an alert that is active has the value 1, any other is not there"}
		}
		if n := m[e.Name]; n.Max != nil { // a measurement may be a little over it
			return valueRange{0, 2 * *n.Max, fmt.Sprintf("it goes from 0 to %s", text(*n.Max))}
		}
	}
	return unbounded()
}

func unbounded() valueRange { return valueRange{math.Inf(-1), math.Inf(1), ""} }

func (m Metrics) rangeOfCall(e *parser.Call) valueRange {
	switch name := e.Func.Name; name {
	case "absent", "absent_over_time", "present_over_time":
		return valueRange{1, 1, "it gives 1 or nothing"}
	case "count_over_time":
		return valueRange{1, math.Inf(1), "where there are no samples it gives nothing, use absent_over_time()"}
	case "abs", "sqrt", "changes", "resets", "stddev_over_time", "stdvar_over_time":
		return valueRange{0, math.Inf(1), "it gives no negative number"}
	case "sgn":
		return valueRange{-1, 1, "it gives -1, 0 or 1"}
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
	return valueRange{r[0], r[1], fmt.Sprintf("it goes from %s to %s", text(r[0]), text(r[1]))}
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
	case parser.COUNT:
		return valueRange{1, math.Inf(1), "where there is no series it gives nothing, use absent()"}
	case parser.GROUP:
		return valueRange{1, 1, "it gives 1 or nothing"}
	case parser.MAX, parser.MIN, parser.AVG, parser.TOPK, parser.BOTTOMK:
		return m.rangeOf(e.Expr)
	case parser.SUM:
		if r := m.rangeOf(e.Expr); r.least >= 0 {
			return valueRange{r.least, math.Inf(1), r.why}
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
		return e.Op != parser.COUNT && e.Op != parser.GROUP && e.Op != parser.COUNT_VALUES && neverNumber(e.Expr)
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.ADD, parser.SUB, parser.MUL, parser.DIV, parser.MOD:
			return neverNumber(e.LHS) || neverNumber(e.RHS)
		}
	case *parser.Call:
		switch e.Func.Name {
		case "abs", "ceil", "floor", "round", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sort", "sort_desc", "label_replace",
			"label_join":
			return neverNumber(e.Args[0])
		}
	}
	return false
}
