package flow

import (
	"math/rand/v2"
	"testing"

	"chorus/rules/expr/exprtest"
)

// FuzzFlow holds what is said of the labels of a result against what the engine makes of the expression.
func FuzzFlow(f *testing.F) {
	for _, s := range []string{
		`absent(m1{job="x"})`, `first * on () group_left (job) m1`, `count_values("job", m1) or first`,
		`label_join(m1, "instance", "", "a")`, `sum by (job) (first) unless first`, `(first or m1) and on (job) first{job!=""}`,
		`label_replace(first, "job", "$1", "a", "(x)")`, `absent_over_time(first{job="x",job=~"y"}[5m])`,
		`max_over_time(first{job=""}[5m:1m]) > bool 1`, `info(m1)`, `first @ 100 offset -1m`,
	} {
		f.Add(s, uint64(1))
	}
	engine := exprtest.NewEngine()
	f.Fuzz(func(t *testing.T, expr string, seed uint64) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		holds(t, g, engine, `label_replace(m1, "job", "x", "b", "x|y")`, expr)
	})
}
