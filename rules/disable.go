package rules

import "slices"

// switchOff takes the checks that are switched off out of the set and returns those that rules decide, together with
// the optional checks of configured components that nobody asked for.
func (l *loader) switchOff() []Check {
	var off []Check
	l.checks = slices.DeleteFunc(l.checks, func(d *declaration) bool {
		disabled := slices.Contains(l.options.Disabled, d.Name)
		if disabled {
			off = append(off, d.Check)
		}
		return disabled
	})
	timings := defaultTimings()
	for _, f := range l.spare {
		if !f.optional || f.replaced {
			continue
		}
		for _, d := range l.declarations(f) {
			if slices.Contains(l.options.Components, d.Component) && !has(off, d.Name) && !l.declares(d.Name) {
				t := timings.of(d.Name, l.options.Checks[d.Name])
				d.Interval, d.Timeout = t.Interval, t.Timeout
				off = append(off, d.Check)
			}
		}
	}
	for _, g := range l.groups {
		all := l.drops(g)
		g.items = slices.DeleteFunc(g.items, func(it *item) bool {
			return all || slices.Contains(l.options.Disabled, it.text("check_name"))
		})
	}
	l.groups = slices.DeleteFunc(l.groups, func(g *group) bool { return len(g.items) == 0 })
	return off
}

// drops reports whether a whole group goes: all of it speaks for the check it is named after. A group that merely shares
// the name of a check, as that of a component may, stays.
func (l *loader) drops(g *group) bool {
	if !slices.Contains(l.options.Disabled, g.name) {
		return false
	}
	return g.name != g.file.stem || slices.ContainsFunc(g.items, func(it *item) bool { return it.text("check_name") == g.name })
}

// declares reports whether the check is in the set.
func (l *loader) declares(name string) bool {
	return slices.ContainsFunc(l.checks, func(d *declaration) bool { return d.Name == name })
}

func has(checks []Check, name string) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.Name == name })
}
