package verdict

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// grade orders troubles from worst to least.
type grade int

const (
	criticalFiring grade = iota
	criticalUnknown
	warningFiring
	warningUnknown
	pendingGrade
	uncounted // not healthy, though nothing that counts says so
)

// trouble is a check that is not simply passing, and why.
type trouble struct {
	check string
	grade grade
	since time.Time
	cause string
	notes []string // beside the cause
}

// troubles lists the checks that are failing, unknown or pending, worst first, then the newest, then by name. Alerts that
// are masked, that are information, or that speak for no check are left out, and so are checks in maintenance.
func troubles(s *Snapshot) []trouble {
	var out []trouble
	declared := make(map[string]bool, len(s.Checks))
	for i := range s.Checks {
		c := &s.Checks[i]
		declared[c.Name] = true
		if t, ok := c.trouble(); ok {
			out = append(out, t)
		}
	}
	undeclared := map[string]*Check{} // alerts count also for a check that nobody declares
	for _, a := range s.Alerts {
		if a.Check == "" || declared[a.Check] {
			continue
		}
		if undeclared[a.Check] == nil {
			undeclared[a.Check] = &Check{Name: a.Check, State: StateOK, Healthy: true}
		}
		undeclared[a.Check].Alerts = append(undeclared[a.Check].Alerts, a)
	}
	for _, c := range undeclared {
		if t, ok := c.trouble(); ok {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b trouble) int {
		return cmp.Or(cmp.Compare(a.grade, b.grade), b.since.Compare(a.since), cmp.Compare(a.check, b.check))
	})
	return out
}

// stateMaintenance is the state of a check in a maintenance window.
const stateMaintenance State = "maintenance"

// trouble is the check's own; ok is false if it passes or does not count.
func (c *Check) trouble() (t trouble, ok bool) {
	if c.State == stateMaintenance || c.State == StateDisabled {
		return trouble{}, false
	}
	worst, least := (*Alert)(nil), uncounted
	for i := range c.Alerts {
		a := &c.Alerts[i]
		k, counts := c.gradeOf(a)
		if !counts || worst != nil && (k > least || k == least && !newer(a, worst)) {
			continue
		}
		worst, least = a, k
	}
	state := c.gradeOfState()
	switch {
	case worst == nil && state == uncounted && c.Healthy:
		return trouble{}, false
	case worst == nil || state < least:
		worst, least = c.alertOf(state, worst), state
	}
	t = trouble{check: c.Name, grade: least, since: c.Since}
	if worst != nil {
		t.since = worst.ActiveAt
	}
	t.cause, t.notes = c.cause(worst)
	return t, true
}

// gradeOf is the grade that an alert puts its check into; counts is false if it puts it into none.
func (c *Check) gradeOf(a *Alert) (k grade, counts bool) {
	if a.Masked || SeverityRank(a.Severity) < 2 {
		return 0, false
	}
	unknown := SaysUnknown(a.Name) || SaysUnproven(a.Name)
	switch {
	case a.State != "firing" && !(unknown && c.State == StateUnknown):
		return pendingGrade, true
	case unknown && a.Severity == "critical":
		return criticalUnknown, true
	case unknown:
		return warningUnknown, true
	case a.Severity == "critical":
		return criticalFiring, true
	}
	return warningFiring, true
}

// gradeOfState is the grade of a check by its state alone.
func (c *Check) gradeOfState() grade {
	switch {
	case c.State == StateUnknown && c.Critical:
		return criticalUnknown
	case c.State == StateUnknown:
		return warningUnknown
	case c.State == StatePending:
		return pendingGrade
	}
	return uncounted
}

// alertOf is the alert to tell of for a check whose state alone decides: the one at hand if it says as much.
func (c *Check) alertOf(state grade, at *Alert) *Alert {
	if at != nil && state < pendingGrade && (SaysUnknown(at.Name) || SaysUnproven(at.Name)) {
		return at
	}
	return nil
}

// newer orders alerts of one grade: the newest first, then by name.
func newer(a, b *Alert) bool {
	return cmp.Or(b.ActiveAt.Compare(a.ActiveAt), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Summary, b.Summary)) < 0
}

// Restates reports whether an alert only says what the error of the last run says better.
func Restates(alert string) bool {
	return alert == "CheckFailing" || alert == "CheckNoData" || SaysUnproven(alert)
}

// cause says why a check is not passing, a is the alert that says so, nil if its state alone does. The error of a
// probe's last run comes before the text of an alert.
func (c *Check) cause(a *Alert) (text string, notes []string) {
	if c.ConsecutiveFailures > 1 && (c.Error != "" || a == nil) {
		notes = append(notes, Plural(c.ConsecutiveFailures, "failure", "failures")+" in a row")
	}
	said := ""
	if a != nil {
		said = Clause(a.Text())
	}
	switch {
	case c.Error != "":
		if a != nil && !Restates(a.Name) {
			notes = append(notes, joined(", ", about(c.Name, said), a.against(said)))
		}
		return cmp.Or(Clause(c.Error), "last run failed"), notes
	case a != nil:
		if more := a.against(said); more != "" {
			notes = append(notes, more)
		}
		return cmp.Or(said, a.Name), notes
	case c.Message != "":
		return Clause(c.Message), notes
	case c.ConsecutiveFailures > 0:
		return "last run failed", notes
	}
	return "state is " + string(c.State), notes
}

// joined is the parts that are not empty with sep between them.
func joined(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), sep)
}

// Text returns the alert's summary on one line, or what stands for it where there is none.
func (a *Alert) Text() string {
	summary := OneLine(a.Summary)
	switch {
	case summary != "":
		return summary
	case a.State == "firing":
		return a.Name + " is firing"
	}
	return a.Name + " is pending"
}

// String is the trouble as a sentence. A cause that begins with the name of the check needs no other.
func (t trouble) String() string {
	out := t.cause
	if about(t.check, t.cause) == t.cause {
		out = ShortName(t.check) + ": " + t.cause
	}
	if len(t.notes) > 0 {
		out += " (" + strings.Join(t.notes, "; ") + ")"
	}
	return out
}
