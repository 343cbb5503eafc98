package rules

import "slices"

// otherComponent is the component of a check whose rules name none, as for a probe.
const otherComponent = "other"

// declaration is a check as the rules declare it.
type declaration struct {
	Check
	info   []*item // rules that record chorus_health_check_info for it
	data   []*item // rules that record chorus_health_check_data for it
	alerts []*item // alerts that speak for it, in evaluation order
}

// declare collects the checks that rules decide, in evaluation order: those that have an info series, and those of own
// alerts that have to be derived.
func (l *loader) declare() {
	timings := defaultTimings()
	for _, d := range collect(l.groups) {
		if len(d.info) == 0 && !l.derivable(d) {
			continue
		}
		l.describe(d)
		t := timings.of(d.Name, l.options.Checks[d.Name])
		d.Interval, d.Timeout = t.Interval, t.Timeout
		l.checks = append(l.checks, d)
	}
}

// declarations are the checks that a file declares with an info series, described.
func (l *loader) declarations(f *file) []*declaration {
	var out []*declaration
	for _, d := range collect(f.groups) {
		if len(d.info) > 0 {
			l.describe(d)
			out = append(out, d)
		}
	}
	return out
}

// collect sorts the rules of groups by the check they speak for.
func collect(groups []*group) []*declaration {
	var out []*declaration
	byName := map[string]*declaration{}
	for _, g := range groups {
		for _, it := range g.items {
			name := it.text("check_name")
			if name == "" || it.Labels.Get("action") != "" { // an action speaks for no check of its own
				continue
			}
			d := byName[name]
			if d == nil {
				d = &declaration{Check: Check{Name: name}}
				byName[name] = d
				out = append(out, d)
			}
			switch {
			case it.Alert != "":
				d.alerts = append(d.alerts, it)
			case it.Record == infoName:
				d.info = append(d.info, it)
			case it.Record == dataName:
				d.data = append(d.data, it)
			}
		}
	}
	return out
}

// describe fills in what the rules say of the check. One whose alert may become critical is.
func (l *loader) describe(d *declaration) {
	for _, it := range slices.Concat(d.info, d.alerts) {
		if d.File == "" {
			d.File = it.File
		}
		if d.Component == "" {
			d.Component = it.text("component")
		}
	}
	if d.Component == "" {
		d.Component = otherComponent
	}
	for i, it := range d.alerts {
		if i == 0 {
			d.Description = it.Annotations["description"]
		}
		if ok := it.Annotations["ok"]; ok != "" && d.OK == "" {
			d.OK, d.OKValue = ok, it.Value
		}
		d.Critical = d.Critical || l.severities(it).may("critical")
	}
	if len(d.alerts) == 0 && len(d.info) > 0 {
		d.Critical = d.info[0].text("critical") == "true"
	}
}
