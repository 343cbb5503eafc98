package rules

import (
	"fmt"
	"slices"

	"chorus/rules/spelling"
)

// knownChecks are the names of all checks that anybody knows: probes, what the loaded and the other shipped files speak
// for, what the default configuration names. complete is false when a file could not be read, since it may know more.
func (l *loader) knownChecks() (known map[string]bool, complete bool) {
	known, complete = map[string]bool{}, true
	for _, name := range l.options.Probes {
		known[name] = true
	}
	for name := range defaultTimings().Checks {
		known[name] = true
	}
	for _, f := range slices.Concat(l.files, l.spare) {
		complete = complete && !f.broken
		if f.optional {
			known[f.stem] = true
		}
		for name := range f.speaksFor {
			known[name] = true
		}
	}
	return known, complete
}

// lintNames faults names to switch on or off that nobody knows: a misspelt one would silently do nothing.
func (l *loader) lintNames() {
	known, complete := l.knownChecks()
	if !complete {
		return
	}
	for _, asked := range []struct {
		what  string
		names []string
	}{{"disabled", l.options.Disabled}, {"enabled", l.options.Enabled}} {
		for _, name := range asked.names {
			if !known[name] {
				l.faults = append(l.faults, Fault{Msg: fmt.Sprintf("unknown check %q is %s%s", name, asked.what,
					spelling.DidYouMean("check", name, known))})
			}
		}
	}
}
