package evaluator

import (
	"math"
	"strings"
)

// class is a kind of writer. The store keeps room for the later ones that the earlier ones can't take: neither a flood of
// measured series nor custom rules may silence the verdict on them.
type class int

const (
	custom   class = iota // custom rules, and what is measured under a name without our prefix
	code                  // what is measured under a name with our prefix
	shipped               // shipped rules, and what the evaluator writes
	deciding              // the rules that record alerts that count, scores and the status, and chorus_rule_failing
	classes
)

// room is what the store keeps for each class, in series. Nothing is kept for custom ones.
type room struct {
	max  int // series in the whole store
	kept [classes]int
	used [classes]int // series that the class wrote last
}

// limit is up to how many series in the whole store a class makes new ones: all but what is kept for later classes and
// not used by them yet.
func (r *room) limit(c class) int {
	if r == nil {
		return math.MaxInt
	}
	n := r.max
	for later := c + 1; later < classes; later++ {
		n -= max(0, r.kept[later]-r.used[later])
	}
	return n
}

// wrote notes that a class has more or fewer series.
func (r *room) wrote(c class, more int) {
	if r != nil {
		r.used[c] += more
	}
}

// measuredClass is the class of what is measured under a name.
func measuredClass(name string) class {
	if strings.HasPrefix(name, prefix) {
		return code
	}
	return custom
}

// prefix marks the names of ours: what is measured and recorded under them is exposed.
const prefix = "chorus_"

// divide has the store divided as r says, which counts from then on who uses what.
func (e *engine) divide(r *room) {
	for _, g := range e.groups {
		for _, x := range g.rules {
			r.used[x.class] += len(x.written)
		}
	}
	for _, w := range e.direct {
		r.used[w.class]++
	}
	for _, x := range e.sampler.series {
		r.used[x.class]++
	}
	e.room = r
}
