package evaluator

import (
	"context"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// maxMissing is for how many checks without data an evaluation looks up what is missing.
const maxMissing = 50

// nameMissing gives a rule check that has no data, and that neither a failed rule nor an alert explains, the selector that
// finds nothing as its error.
func (e *Evaluator) nameMissing(ctx context.Context, snap *Snapshot, v *view, s engine.Stamp) {
	asked := 0
	for i := range snap.Checks {
		c := &snap.Checks[i]
		if c.Kind != "rule" || c.State != StateUnknown || v.data[c.Name] || c.Reason() != "" || asked == maxMissing {
			continue
		}
		asked++
		if c.Error = e.missing(ctx, c.Name, s); c.Error != "" {
			c.Message = c.Error
		}
	}
}

// missing says which selector of the alerts that speak for a check finds nothing. For the name of a recording rule it is
// a selector of that rule.
func (e *Evaluator) missing(ctx context.Context, check string, s engine.Stamp) string {
	recorded := map[string]*engine.Rule{}
	var alerts []*engine.Rule
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			switch {
			case r.Alert != "" && r.Check() == check:
				alerts = append(alerts, r)
			case r.Record != "" && recorded[r.Record] == nil:
				recorded[r.Record] = r
			}
		}
	}
	for _, r := range alerts {
		if text := e.missingOf(ctx, r, recorded, map[*engine.Rule]bool{}, s); text != "" {
			return text
		}
	}
	return ""
}

func (e *Evaluator) missingOf(
	ctx context.Context, r *engine.Rule, recorded map[string]*engine.Rule, seen map[*engine.Rule]bool, s engine.Stamp,
) string {
	seen[r] = true
	for _, read := range r.Reads {
		vector, err := e.engine.Instant(ctx, read.Selector, s)
		if err != nil || len(vector) > 0 {
			continue
		}
		from := recorded[read.Name]
		if from == nil || seen[from] {
			return "no samples of " + verdict.Clause(read.Selector)
		}
		if text := e.missingOf(ctx, from, recorded, seen, s); text != "" {
			return text
		}
		return "no result of the rule " + verdict.ShortName(read.Name)
	}
	return ""
}
