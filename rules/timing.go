package rules

import "cmp"

// timings are the intervals and timeouts of rule checks as the default configuration has them.
type timings struct {
	CheckDefaults map[string]CheckTiming `yaml:"check_defaults"` // by kind; that of rule checks is "rule"
	Checks        map[string]CheckTiming `yaml:"checks"`         // by name
}

func defaultTimings() timings {
	var t timings
	mustUnmarshal("defaults.yml", &t)
	return t
}

// of lays what is asked for over the defaults of the check, and these over the defaults of its kind.
func (t timings) of(check string, asked CheckTiming) CheckTiming {
	own, kind := t.Checks[check], t.CheckDefaults["rule"]
	return CheckTiming{
		Interval: cmp.Or(asked.Interval, own.Interval, kind.Interval),
		Timeout:  cmp.Or(asked.Timeout, own.Timeout, kind.Timeout),
	}
}
