package verdict

import "fmt"

// Blindness says which rule keeps a check from being judged.
type Blindness struct {
	Text   string // a sentence about the rule
	Failed bool   // it failed; else it has not been evaluated yet
	Alert  bool   // an alert of the check is among what could not be evaluated: the check is unknown
}

// FailedRule is a rule that failed to evaluate.
type FailedRule struct {
	Name, Group, Check, Err string
}

// subject is the beginning of String, which tells failed rules apart.
func (f FailedRule) subject() string {
	return fmt.Sprintf("rule %s of group %s failed to evaluate", ShortName(f.Name), ShortName(f.Group))
}

// String is the failed rule as a sentence.
func (f FailedRule) String() string { return f.subject() + ": " + Clause(f.Err) }
