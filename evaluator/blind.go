package evaluator

import (
	"cmp"
	"fmt"

	"chorus/evaluator/engine"
)

// blindness says which rule keeps a check from being judged.
type blindness struct {
	text   string // a sentence about the rule
	failed bool   // it failed; else it has not been evaluated yet
	alert  bool   // an alert of the check is among what could not be evaluated: the check is unknown
}

// blindChecks maps each check to what kept a rule that speaks for it from being evaluated: its own failure, or that of a
// rule whose results it reads. A rule speaks for the check that its labels name, and for the check that its group is named
// after. Checks that see everything are left out.
func (e *Evaluator) blindChecks() map[string]*blindness {
	out := map[string]*blindness{}
	failed := map[string]string{} // recorded names to the failure that left them without results
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			text := failure(r, failed)
			if text != "" && r.Record != "" {
				failed[r.Record] = text
			}
			switch {
			case text != "":
				b := blindness{text: text, failed: true, alert: r.Alert != ""}
				blind(out, r.Check(), b)
				b.alert = false
				blind(out, g.Name, b)
			case !g.Ran && r.Check() != "":
				b := blindness{text: "rule " + shortName(r.Name()) + " has not been evaluated yet"}
				blind(out, r.Check(), b)
				blind(out, g.Name, b)
			}
		}
	}
	return out
}

// blind notes what keeps a check from being judged; a failure counts more than a rule that is yet to come, and the first
// of several more than those after it.
func blind(out map[string]*blindness, check string, b blindness) {
	switch old := out[check]; {
	case check == "":
	case old == nil:
		out[check] = &b
	default:
		if b.failed && !old.failed {
			old.text, old.failed = b.text, true
		}
		old.alert = old.alert || b.alert
	}
}

// failure says that the rule failed, or that one did whose results it reads; "" if neither.
func failure(r *engine.Rule, failed map[string]string) string {
	if r.Err != nil {
		return failedOf(r).String()
	}
	if len(failed) == 0 {
		return ""
	}
	for _, read := range r.Reads {
		if text := failed[read.Name]; text != "" {
			return text
		}
	}
	return ""
}

// failedRule is a rule that failed to evaluate.
type failedRule struct {
	name, group, check, err string
}

func failedOf(r *engine.Rule) failedRule {
	return failedRule{r.Name(), r.Group, cmp.Or(r.Check(), r.Group), r.Err.Error()}
}

// failedRules lists the rules that failed to evaluate, in evaluation order.
func (e *Evaluator) failedRules() []failedRule {
	var out []failedRule
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			if r.Err != nil {
				out = append(out, failedOf(r))
			}
		}
	}
	return out
}

// subject is the beginning of String, which tells failed rules apart.
func (f failedRule) subject() string {
	return fmt.Sprintf("rule %s of group %s failed to evaluate", shortName(f.name), shortName(f.group))
}

// String is the failed rule as a sentence.
func (f failedRule) String() string { return f.subject() + ": " + clause(f.err) }
