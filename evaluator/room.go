package evaluator

import (
	"chorus/evaluator/engine"
	"chorus/rules"
)

// newRoom divides maxSeries by what the rules and probes need at least. Of what is left, a half is kept for the case that
// every check has an alert of the shipped rules as well, and an eighth for probes to come. Where not even the least fits,
// which Need.Fits tells, every class has a part.
func newRoom(maxSeries int, set *rules.Set, probes int) *engine.Room {
	all := SeriesNeeded(set, probes)
	of := func(c engine.Class) Need {
		return need(set, probes, func(g *rules.Group) bool { return classOf(g) == c })
	}
	r := &engine.Room{Max: maxSeries}
	// Beside a series for each of their rules: a score for each check and an alert that counts for each alerting rule.
	r.Kept[engine.Deciding] = 2*of(engine.Deciding).Records + all.Checks + all.Alerts + all.Components*perComponent + all.Groups
	r.Kept[engine.Shipped] = of(engine.Shipped).Records + of(engine.Shipped).Alerts*2 + all.Checks + all.Probes*perRanProbe
	r.Kept[engine.Code] = all.measured() + all.Groups
	left := maxSeries - all.Total() - of(engine.Deciding).Records
	if left >= 0 {
		r.Kept[engine.Shipped] += min(all.Checks*perAlert, left/2)
		r.Kept[engine.Code] += left / 8
		return r
	}
	r.Kept[engine.Deciding] = min(r.Kept[engine.Deciding], maxSeries/3)
	r.Kept[engine.Shipped] = min(r.Kept[engine.Shipped], maxSeries/6)
	r.Kept[engine.Code] = min(r.Kept[engine.Code], maxSeries/5)
	return r
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

// classOf returns whose room the series of a group take.
func classOf(g *rules.Group) engine.Class {
	switch {
	case decides(g):
		return engine.Deciding
	case g.Own:
		return engine.Custom
	}
	return engine.Shipped
}

// resize divides the room again when the rules or the number of probes changed.
func (e *Evaluator) resize(set *rules.Set, probes int) {
	if e.sizedFor.set == set && e.sizedFor.probes == probes {
		return
	}
	e.sizedFor.set, e.sizedFor.probes = set, probes
	e.engine.Divide(newRoom(e.opts.MaxSeries, set, probes))
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
