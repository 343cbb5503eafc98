package rules

import (
	"time"

	"chorus/rules/expr"
)

// retention is how far back the rules look, with the queries in their templates.
func retention(rules []*item) time.Duration {
	longest := expr.Lookback
	for _, it := range rules {
		longest = max(longest, expr.LooksBack(it.expr))
		for _, q := range it.queries {
			longest = max(longest, expr.LooksBack(q))
		}
	}
	return longest
}
