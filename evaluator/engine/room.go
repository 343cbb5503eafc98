package engine

import (
	"math"
	"strings"
)

// Class is a kind of writer. The store keeps room for the later ones that the earlier ones can't take: neither a flood of
// measured series nor custom rules may silence the verdict on them.
type Class int

// The classes, from the first that finds no room to the last.
const (
	Custom   Class = iota // custom rules, and what is measured under a name without our prefix
	Code                  // what is measured under a name with our prefix
	Shipped               // shipped rules, and what the evaluator writes
	Deciding              // the rules that record alerts that count, scores and the status, and chorus_rule_failing
	Classes               // how many there are
)

// Room is what the store keeps for each class, in series. Nothing is kept for custom ones.
type Room struct {
	Max  int          // series in the whole store
	Kept [Classes]int // series kept for the class
	Used [Classes]int // series that the class wrote last
}

// Limit returns up to how many series in the whole store a class makes new ones: all but what is kept for later classes and
// not used by them yet.
func (r *Room) Limit(c Class) int {
	if r == nil {
		return math.MaxInt
	}
	n := r.Max
	for later := c + 1; later < Classes; later++ {
		n -= max(0, r.Kept[later]-r.Used[later])
	}
	return n
}

// wrote notes that a class has more or fewer series.
func (r *Room) wrote(c Class, more int) {
	if r != nil {
		r.Used[c] += more
	}
}

// measuredClass is the class of what is measured under a name.
func measuredClass(name string) Class {
	if strings.HasPrefix(name, Prefix) {
		return Code
	}
	return Custom
}

// Prefix marks the names of the exporter's own series.
const Prefix = "chorus_"

// Divide gives each class its room in the store. The engine owns r from then on.
func (e *Engine) Divide(r *Room) {
	for _, g := range e.Groups {
		for _, x := range g.Rules {
			r.Used[x.class] += len(x.written)
		}
	}
	for _, w := range e.direct {
		r.Used[w.class]++
	}
	for _, x := range e.sampler.series {
		r.Used[x.class]++
	}
	e.room = r
}
