package rules

import (
	"math"
	"slices"

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
func rangeOf(e parser.Expr) valueRange {
	all := valueRange{math.Inf(-1), math.Inf(1), ""}
	switch e := bare(e).(type) {
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() && e.ReturnBool {
			return valueRange{0, 1, "it gives 0 or 1"}
		}
	case *parser.AggregateExpr:
		return rangeOfAggregate(e)
	case *parser.Call:
		switch name := e.Func.Name; {
		case slices.Contains([]string{"absent", "absent_over_time", "present_over_time"}, name):
			return valueRange{1, 1, "it gives 1 or nothing"}
		case name == "count_over_time":
			return valueRange{1, all.most, "where there are no samples it gives nothing, use absent_over_time()"}
		case slices.Contains([]string{"abs", "sqrt", "changes", "resets", "stddev_over_time", "stdvar_over_time"}, name):
			return valueRange{0, all.most, "it gives no negative number"}
		}
	}
	return all
}

func rangeOfAggregate(e *parser.AggregateExpr) valueRange {
	switch e.Op {
	case parser.COUNT:
		return valueRange{1, math.Inf(1), "where there is no series it gives nothing, use absent()"}
	case parser.GROUP:
		return valueRange{1, 1, "it gives 1 or nothing"}
	case parser.MAX, parser.MIN, parser.AVG, parser.TOPK, parser.BOTTOMK:
		return rangeOf(e.Expr)
	case parser.SUM:
		if r := rangeOf(e.Expr); r.least >= 0 {
			return valueRange{r.least, math.Inf(1), r.why}
		}
	}
	return valueRange{math.Inf(-1), math.Inf(1), ""}
}
