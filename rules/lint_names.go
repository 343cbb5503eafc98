package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
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
					didYouMean("check", name, known))})
			}
		}
	}
}

// didYouMean ends a message about an unknown name with those it may have meant, nearest first.
func didYouMean(kind, name string, known map[string]bool) string {
	const most, enough, longest = 3, 1000, 100 // names, and letters; to compare more takes longer than it helps
	if len(known) > enough || len(name) > longest {
		return ": fix the name"
	}
	near := slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(k string) bool {
		return levenshtein.ComputeDistance(name, k) > max(2, len(name)/3)
	})
	slices.SortStableFunc(near, func(a, b string) int {
		return cmp.Compare(levenshtein.ComputeDistance(name, a), levenshtein.ComputeDistance(name, b))
	})
	const all = 30
	switch {
	case len(near) > 0:
	case len(known) == 0:
		return ": there is none, remove it"
	case len(known) <= all:
		return "; use one of " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	default:
		return ": no " + kind + " has a similar name, fix the name"
	}
	return `; did you mean "` + strings.Join(near[:min(most, len(near))], `" or "`) + `"?`
}
