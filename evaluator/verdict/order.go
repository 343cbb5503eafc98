package verdict

import (
	"cmp"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
)

// Of returns the one status that the rules recorded as 1. Anything else than exactly one is Unhealthy, and not sound.
func Of(recorded map[string]float64) (status Status, sound bool) {
	holds := []string{}
	for name, v := range recorded {
		if v != 0 { // NaN too
			holds = append(holds, name)
		}
	}
	if len(holds) == 1 && recorded[holds[0]] == 1 && slices.Contains(Statuses(), Status(holds[0])) {
		return Status(holds[0]), true
	}
	return Unhealthy, false
}

// SeverityRank returns the weight of a severity: info 1, warning 2, critical 3, any other 0. What a severity means for the
// status, the rules say: this is the order of a list.
func SeverityRank(s string) int { return 1 + slices.Index([]string{"info", "warning", "critical"}, s) }

// WorstFirst compares two alerts. It is a total order, so that the same alerts are listed alike every time. An alert that
// names a fault comes before one of the same weight that says that its check is unproven, and, if they began together,
// before one that says that nothing is known.
func WorstFirst(a, b Alert) int {
	rank := func(x Alert) int {
		n := SeverityRank(x.Severity)
		if x.State == "firing" && !x.Masked {
			n += 8
		}
		return n
	}
	if c := cmp.Or(cmp.Compare(rank(b), rank(a)), last(a, b, SaysUnproven), a.ActiveAt.Compare(b.ActiveAt),
		last(a, b, SaysUnknown), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Check, b.Check),
		cmp.Compare(a.Summary, b.Summary)); c != 0 {
		return c
	}
	return labels.Compare(labels.FromMap(a.Labels), labels.FromMap(b.Labels))
}

// last puts an alert whose name is so behind one whose name is not.
func last(a, b Alert, so func(name string) bool) int {
	switch first := so(a.Name); {
	case first == so(b.Name):
		return 0
	case first:
		return 1
	}
	return -1
}
