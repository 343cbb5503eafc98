package evaluator

import (
	"cmp"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// blindChecks maps each check to what kept a rule that speaks for it from being evaluated: its own failure, or that of a
// rule whose results it reads. A rule speaks for the check that its labels name, and for the check that its group is named
// after. Checks that see everything are left out.
func (e *Evaluator) blindChecks() map[string]*verdict.Blindness {
	out := map[string]*verdict.Blindness{}
	failed := map[string]string{} // recorded names to the failure that left them without results
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			text := failure(r, failed)
			if text != "" && r.Record != "" {
				failed[r.Record] = text
			}
			switch {
			case text != "":
				b := verdict.Blindness{Text: text, Failed: true, Alert: r.Alert != ""}
				blind(out, r.Check(), b)
				b.Alert = false
				blind(out, g.Name, b)
			case !g.Ran && r.Check() != "":
				b := verdict.Blindness{Text: "rule " + verdict.ShortName(r.Name()) + " has not been evaluated yet"}
				blind(out, r.Check(), b)
				blind(out, g.Name, b)
			}
		}
	}
	return out
}

// blind notes what keeps a check from being judged; a failure counts more than a rule that is yet to come, and the first
// of several more than those after it.
func blind(out map[string]*verdict.Blindness, check string, b verdict.Blindness) {
	switch old := out[check]; {
	case check == "":
	case old == nil:
		out[check] = &b
	default:
		if b.Failed && !old.Failed {
			old.Text, old.Failed = b.Text, true
		}
		old.Alert = old.Alert || b.Alert
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

func failedOf(r *engine.Rule) verdict.FailedRule {
	return verdict.FailedRule{Name: r.Name(), Group: r.Group, Check: cmp.Or(r.Check(), r.Group), Err: r.Err.Error()}
}

// failedRules lists the rules that failed to evaluate, in evaluation order.
func (e *Evaluator) failedRules() []verdict.FailedRule {
	var out []verdict.FailedRule
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			if r.Err != nil {
				out = append(out, failedOf(r))
			}
		}
	}
	return out
}
