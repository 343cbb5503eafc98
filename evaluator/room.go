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

// newRoom divides maxSeries by what the rules and probes need at least. Of what is left, a half is kept for the case that
// every check has an alert of the shipped rules as well, and an eighth for probes to come. Where not even the least fits,
// which Need.Fits tells, every class has a part.
func newRoom(maxSeries int, set *rules.Set, probes int) *room {
	all := SeriesNeeded(set, probes)
	of := func(c class) Need { return need(set, probes, func(g *rules.Group) bool { return classOf(g) == c }) }
	r := &room{max: maxSeries}
	// Beside a series for each of their rules: a score for each check and an alert that counts for each alerting rule.
	r.kept[deciding] = 2*of(deciding).Records + all.Checks + all.Alerts + all.Components*perComponent + all.Groups
	r.kept[shipped] = of(shipped).Records + of(shipped).Alerts*2 + all.Checks + all.Probes*perRanProbe
	r.kept[code] = all.measured() + all.Groups
	left := maxSeries - all.Total() - of(deciding).Records
	if left >= 0 {
		r.kept[shipped] += min(all.Checks*perAlert, left/2)
		r.kept[code] += left / 8
		return r
	}
	r.kept[deciding] = min(r.kept[deciding], maxSeries/3)
	r.kept[shipped] = min(r.kept[shipped], maxSeries/6)
	r.kept[code] = min(r.kept[code], maxSeries/5)
	return r
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

// decides reports whether a group records what the verdict is made of. Whether it is a shipped one does not matter.
func decides(g *rules.Group) bool {
	for i := range g.Rules {
		switch g.Rules[i].Record {
		case statusName, systemName, countedName:
			return true
		}
	}
	return false
}

func classOf(g *rules.Group) class {
	switch {
	case decides(g):
		return deciding
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

// put writes one sample of ours. store.ErrSeriesLimit says that the class has no room.
func (e *engine) put(c class, l labels.Labels, t int64, v float64) error {
	e.buf = l.Bytes(e.buf)
	w, known := e.direct[string(e.buf)]
	entries := [1]store.Entry{{Ref: w.ref, Labels: l, Value: v}}
	if err := e.store.Write(t, e.room.limit(c), entries[:]); err != nil {
		return err
	}
	if !known {
		if e.direct == nil {
			e.direct = map[string]direct{}
		}
		e.room.wrote(c, 1)
	}
	if w.ref != entries[0].Ref {
		e.direct[string(e.buf)] = direct{entries[0].Ref, c}
	}
	return nil
}

// end marks a series stale that put wrote.
func (e *engine) end(l labels.Labels, t int64) {
	key := string(l.Bytes(nil))
	w, known := e.direct[key]
	if !known {
		return
	}
	_, _ = e.store.Append(w.ref, l, t, staleNaN)
	delete(e.direct, key)
	e.room.wrote(w.class, -1)
}

// direct is a series that no rule writes.
type direct struct {
	ref   store.Ref
	class class
}

// resize divides the room again when the rules or the number of probes changed.
func (e *Evaluator) resize(set *rules.Set, probes int) {
	if e.sizedFor.set == set && e.sizedFor.probes == probes {
		return
	}
	e.sizedFor.set, e.sizedFor.probes = set, probes
	r := newRoom(e.opts.MaxSeries, set, probes)
	for _, g := range e.groups {
		for _, x := range g.rules {
			r.used[x.class] += len(x.written)
		}
	}
	for _, w := range e.engine.direct {
		r.used[w.class]++
	}
	for _, x := range e.sampler.series {
		r.used[x.class]++
	}
	e.engine.room = r
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
