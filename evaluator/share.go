package evaluator

import (
	"chorus/rules"
)

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

// resize divides the room anew when the rules or the number of probes changed.
func (e *Evaluator) resize(set *rules.Set, probes int) {
	if e.sizedFor.set == set && e.sizedFor.probes == probes {
		return
	}
	e.sizedFor.set, e.sizedFor.probes = set, probes
	e.engine.divide(newRoom(e.opts.MaxSeries, set, probes))
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
