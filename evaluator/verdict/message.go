package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// named is how many further checks a message names.
const named = 3

// Account is what a message is made from beside the snapshot.
type Account struct {
	Sound   bool              // exactly one status holds
	Waiting map[string]string // checks that starting waits for, with the reason if there is one
	Failed  []FailedRule      // in evaluation order
}

// Recorded is what a message tells of the values that rules recorded.
type Recorded struct {
	Status     map[string]float64 // by name
	Thresholds map[string]float64 // by name
}

// Message returns the verdict in one sentence: the worst check with its cause, then the names of others. "All health checks
// passing" stands only where the status is healthy, every rule evaluates and no check is failing, pending or unknown.
func Message(s *Snapshot, r *Recorded, acc Account) string {
	switch {
	case !acc.Sound:
		return "The status rules failed: exactly one status must hold, recorded " + recorded(r.Status)
	case s.Status == Starting:
		return startingMessage(acc.Waiting)
	case s.Status == Stopping:
		return "Stopping"
	}
	all := troubles(s)
	failing, pending, uncountedOnes := split(all)
	rules := unexplained(acc.Failed, failing)
	switch {
	case len(failing) > 0:
		out := failing[0].String() + also("failing", slices.Concat(checkNames(failing[1:]), ruleNames(rules)))
		if s.Status == Unhealthy && failing[0].grade > criticalUnknown {
			if score := scoreMessage(s, r); score != "" {
				out += "; " + strings.ToLower(score[:1]) + score[1:]
			}
		}
		return out
	case len(rules) > 0:
		return rules[0].String() + also("failing", ruleNames(rules[1:])) + also("pending", checkNames(pending))
	case len(s.Failing) > 0:
		return "rules fail to evaluate in group " + list(s.Failing)
	case s.Status != Healthy:
		return cmp.Or(scoreMessage(s, r), "Status is "+string(s.Status)+": the status rules say so") +
			also("pending", checkNames(pending))
	case len(pending) > 0:
		first := pending[0]
		first.notes = append(slices.Clone(first.notes), "pending")
		return first.String() + also("pending", checkNames(pending[1:]))
	case len(uncountedOnes) > 0:
		return uncountedOnes[0].String() + also("not healthy", checkNames(uncountedOnes[1:]))
	}
	return "All health checks passing"
}

// split takes sorted troubles apart.
func split(all []trouble) (failing, pending, other []trouble) {
	i, _ := slices.BinarySearchFunc(all, pendingGrade, func(t trouble, k grade) int { return cmp.Compare(t.grade, k) })
	j, _ := slices.BinarySearchFunc(all, uncounted, func(t trouble, k grade) int { return cmp.Compare(t.grade, k) })
	return all[:i], all[i:j], all[j:]
}

// unexplained are the failed rules that are not the cause of one of the failing checks.
func unexplained(failed []FailedRule, failing []trouble) []FailedRule {
	return slices.DeleteFunc(slices.Clone(failed), func(f FailedRule) bool {
		return slices.ContainsFunc(failing, func(t trouble) bool { return strings.HasPrefix(t.cause, f.subject()) })
	})
}

func checkNames(ts []trouble) []string {
	out := make([]string, 0, len(ts))
	for _, t := range ts {
		out = append(out, t.check)
	}
	return out
}

// ruleNames names every failed rule once: several may record one name.
func ruleNames(fs []FailedRule) []string {
	var out []string
	for _, f := range fs {
		if name := "rule " + f.Name; !slices.Contains(out[max(0, len(out)-named):], name) {
			out = append(out, name)
		}
	}
	return out
}

// also is the end of a sentence that names others.
func also(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; also " + what + ": " + list(names)
}

// list names the first few and counts the rest.
func list(names []string) string {
	few := make([]string, 0, named)
	for _, n := range names[:min(named, len(names))] {
		few = append(few, ShortName(n))
	}
	out := strings.Join(few, ", ")
	if more := len(names) - len(few); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

// startingMessage names a check that starting waits for, with the reason, then others.
func startingMessage(waiting map[string]string) string {
	if len(waiting) == 0 {
		return "starting: waiting for the next evaluation"
	}
	names := slices.SortedFunc(maps.Keys(waiting), func(a, b string) int {
		return cmp.Or(FalseFirst(waiting[a] == "", waiting[b] == ""), cmp.Compare(a, b))
	})
	first := names[0]
	out := "starting: waiting for " + ShortName(first)
	reason := about(first, Clause(waiting[first]))
	if reason == "" {
		if len(names) == 1 {
			return out
		}
		return "starting: waiting for " + list(names)
	}
	return out + ": " + reason + also("waiting for", names[1:])
}

// FalseFirst compares two bools: false comes before true.
func FalseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// scoreMessage says how the score decides the status; "" if it is not the score.
func scoreMessage(s *Snapshot, r *Recorded) string {
	name := "healthy"
	if s.Status == Unhealthy {
		name = "degraded"
	}
	limit, known := r.Thresholds[name]
	switch {
	case !known || math.IsNaN(limit):
		return fmt.Sprintf("Status is %s: the threshold %q has no value", s.Status, name)
	case math.IsNaN(s.Score):
		return fmt.Sprintf("Status is %s: the score rules recorded no score", s.Status)
	case s.Score >= limit:
		return ""
	}
	out := fmt.Sprintf("Score %.2f is under %v", floor(s.Score), limit)
	if low := lowest(s.Components); low != nil {
		out += fmt.Sprintf(": %s %.2f", ShortName(low.Name), floor(low.Score))
	}
	return out
}

// floor rounds a score down to two digits, so that one just under its threshold is not shown as equal to it. What
// binary fractions take away from 0.29 is put back before.
func floor(score float64) float64 { return math.Floor(score*100+1e-9) / 100 }

func lowest(cs []Component) *Component {
	var low *Component
	for i := range cs {
		if low == nil || !(cs[i].Score >= low.Score) { // NaN is lowest
			low = &cs[i]
		}
	}
	return low
}

// recorded lists the statuses that are not 0, for a person who looks for the fault.
func recorded(status map[string]float64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(status)) {
		if status[name] != 0 {
			out = append(out, fmt.Sprintf("%s %v", ShortName(name), status[name]))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return list(out)
}
