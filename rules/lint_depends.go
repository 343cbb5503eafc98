package rules

import (
	"maps"
	"slices"
	"strings"

	"chorus/rules/spelling"
)

// lintDepends checks depends_on: it must name another check that somebody knows, and must not lead back.
func (l *loader) lintDepends(rules []*item) {
	known, complete := l.knownChecks()
	edges := map[string][]*item{} // by check: its alerts that depend on another check
	for _, it := range rules {
		on, check := it.text("depends_on"), it.text("check_name")
		switch {
		case it.Alert == "" || on == "":
		case on == check:
			l.fault(it, it.at.Label("depends_on"), "depends_on names the check of the alert itself: remove it")
		case complete && !known[on]:
			l.fault(it, it.at.Label("depends_on"), "depends_on: unknown check %q%s", on, spelling.DidYouMean("check", on, known))
		case check != "":
			edges[check] = append(edges[check], it)
		}
	}
	l.lintCycles(edges)
}

// lintCycles reports every circle of depends_on once, at the alert that closes it.
func (l *loader) lintCycles(edges map[string][]*item) {
	done := map[string]bool{}
	var path []string
	var visit func(check string)
	visit = func(check string) {
		path = append(path, check)
		for _, it := range edges[check] {
			on := it.text("depends_on")
			if i := slices.Index(path, on); i >= 0 {
				l.fault(it, it.at.Label("depends_on"), "depends_on is cyclic (%s): remove one of them",
					strings.Join(append(slices.Clone(path[i:]), on), " → "))
			} else if !done[on] {
				visit(on)
			}
		}
		path = path[:len(path)-1]
		done[check] = true
	}
	for _, check := range slices.Sorted(maps.Keys(edges)) {
		if !done[check] {
			visit(check)
		}
	}
}
