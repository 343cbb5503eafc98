// Package spelling suggests known names for an unknown one.
package spelling

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// DidYouMean returns the end of a message about an unknown name: the most similar of the known names, the nearest first, or
// another fix. kind is what the name belongs to, such as "check".
func DidYouMean(kind, name string, known map[string]bool) string {
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
