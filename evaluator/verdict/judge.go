package verdict

import (
	"cmp"
	"slices"
)

// ActionLabel is the label of an alert that asks for an action. Such an alert says nothing about its check.
const ActionLabel = "action"

// Judge sets the state, verdict, message and error of a check. It weighs the check's alerts, which are sorted worst first,
// whether its last runs failed, whether it is proven, and what keeps it from being judged; b is nil if nothing does.
func Judge(c *Check, failing, proven bool, b *Blindness) {
	c.State = StateOK
	if failing {
		c.State = StatePending
	}
	for i := range c.Alerts {
		c.weigh(&c.Alerts[i])
	}
	if b != nil && b.Alert && c.State != StateFiring { // what fires is known
		c.worsen(StateUnknown)
	}
	if !proven && c.State != StateFiring {
		c.worsen(StateUnknown)
		c.Message = cmp.Or(c.Message, "has not passed since it was declared")
	}
	if b != nil && b.Failed && c.State == StateUnknown {
		c.Error = b.Text
		if c.RunDecides() {
			c.Message = b.Text
		}
	}
	c.Healthy = c.State != StateFiring && c.State != StateUnknown
}

// weigh takes one alert into account, if its severity has a weight. The first gives the message.
func (c *Check) weigh(a *Alert) {
	if SeverityRank(a.Severity) < 2 {
		return
	}
	if c.Message == "" {
		c.Message = a.Text()
	}
	switch {
	case SaysUnproven(a.Name): // follows from proven, and gives way to whatever fires
	case SaysUnknown(a.Name): // pending too: the data is gone from the first evaluation without it
		c.worsen(StateUnknown)
	case a.State != "firing" || a.Masked:
		c.worsen(StatePending)
	default:
		c.worsen(StateFiring)
	}
}

func (c *Check) worsen(s State) {
	order := []State{StateOK, StatePending, StateFiring, StateUnknown}
	if slices.Index(order, s) > slices.Index(order, c.State) {
		c.State = s
	}
}

// SaysUnknown reports whether an alert, pending or firing, means that nothing is known of its check.
func SaysUnknown(alert string) bool { return alert == "CheckStale" || alert == "CheckNoData" }

// SaysUnproven reports whether an alert means that its check has not passed since it was declared.
func SaysUnproven(alert string) bool {
	return alert == "CheckUnproven" || alert == "CheckUnprovenCritical"
}

// RunDecides reports whether all there is against the check is its last run: no alert fires for it, masked ones apart,
// but for those that say the same in general.
func (c *Check) RunDecides() bool {
	for i := range c.Alerts {
		a := &c.Alerts[i]
		if a.State == "firing" && !a.Masked && SeverityRank(a.Severity) > 1 && !Restates(a.Name) {
			return false
		}
	}
	return true
}

// Reason returns what is known to be wrong with the check, whatever its state: its error, else the text of the alert that
// says most, else "".
func (c *Check) Reason() string {
	if c.Error != "" {
		return c.Error
	}
	for i := range c.Alerts {
		if a := &c.Alerts[i]; !Restates(a.Name) && a.Labels[ActionLabel] == "" {
			return a.Text()
		}
	}
	return ""
}
