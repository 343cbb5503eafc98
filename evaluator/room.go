package evaluator

import (
	"math"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/store"
	"chorus/rules"
)

// class is a kind of writer. The store keeps room for the later ones that the earlier ones can't take: neither a flood of
// measured series nor custom rules may silence the verdict on them.
type class int

const (
	custom  class = iota // custom rules, and what is measured under a name without our prefix
	code                 // what is measured under a name with our prefix
	shipped              // shipped rules, and what the evaluator writes
	status               // the rules that record the status, and chorus_rule_failing
	classes
)

// room is up to how many series in the whole store each class makes new ones.
type room [classes]int

// makeRoom divides maxSeries. What is kept for the shipped rules follows from their number and that of the checks: every
// check may have an alert of theirs at the same time. Bounds keep something for everybody where that is more than there is.
func makeRoom(maxSeries int, set *rules.Set, probes int) room {
	n := need(set, probes, func(g *rules.Group) bool { return !g.Own })
	reserve := n.rules() + n.Checks*perAlert
	core := n.Groups
	for i := range set.Groups() {
		if g := &set.Groups()[i]; recordsStatus(g) {
			core += 2 * len(g.Rules) // the counts of alerts and the thresholds have two values, the status five
		}
	}
	var r room
	r[status] = maxSeries
	r[shipped] = r[status] - min(core, maxSeries/4)
	r[code] = r[shipped] - min(reserve, maxSeries/2)
	r[custom] = r[code] - min(max(n.measured(), maxSeries/10), maxSeries/5)
	return r
}

// recordsStatus reports whether a group decides the status, shipped or not.
func recordsStatus(g *rules.Group) bool {
	for i := range g.Rules {
		if g.Rules[i].Record == statusName {
			return true
		}
	}
	return false
}

func classOf(g *rules.Group) class {
	switch {
	case recordsStatus(g):
		return status
	case g.Own:
		return custom
	}
	return shipped
}

// measuredClass is the class of what is measured under a name.
func measuredClass(name string) class {
	if strings.HasPrefix(name, exposedPrefix) {
		return code
	}
	return custom
}

// limit is up to how many series in the store a class makes new ones.
func (e *engine) limit(c class) int {
	if e.room == nil {
		return math.MaxInt
	}
	return e.room[c]
}

// put writes one sample of ours. store.ErrSeriesLimit says that the class has no room.
func (e *engine) put(c class, l labels.Labels, t int64, v float64) error {
	return e.store.Write(t, e.limit(c), []store.Entry{{Labels: l, Value: v}})
}

// resize divides the room anew when the rules or the number of probes changed.
func (e *Evaluator) resize(probes int) {
	if set := e.Rules(); e.sizedFor.set != set || e.sizedFor.probes != probes {
		e.sizedFor.set, e.sizedFor.probes = set, probes
		*e.engine.room = makeRoom(e.opts.MaxSeries, set, probes)
	}
}

// probes counts the probes that measure something.
func (v *view) probes() int {
	n := 0
	for _, c := range v.info {
		if c.kind == "probe" {
			n++
		}
	}
	return n
}
