package evaluator

// readCauses asks for the errors of last runs: for a probe that is not simply passing, the error says what is wrong, and
// an alert only that something is.
func (e *Evaluator) readCauses(snap *Snapshot) {
	if e.opts.Cause == nil {
		return
	}
	for i := range snap.Checks {
		c := &snap.Checks[i]
		if c.ConsecutiveFailures == 0 && c.State == StateOK {
			continue
		}
		text, failed := e.opts.Cause(c.Name, snap.Sampled)
		if !failed {
			continue
		}
		if c.Error = oneLine(text); c.Error == "" {
			c.Error = "last run failed"
		}
		if c.RunDecides() {
			c.Message = c.Error
		}
	}
}

// RunDecides reports whether all there is against the check is its last run: no alert fires for it, masked ones apart,
// but for those that say the same in general.
func (c *Check) RunDecides() bool {
	for i := range c.Alerts {
		a := &c.Alerts[i]
		if a.State == "firing" && !a.Masked && severityRank(a.Severity) > 1 && !restates(a.Name) {
			return false
		}
	}
	return true
}

// waitingFor maps the checks that starting waits for to what keeps them: the error of their last run, else the alert of
// theirs that says most, whatever its severity, else "".
func (e *Evaluator) waitingFor(s *Snapshot) map[string]string {
	out := make(map[string]string, len(e.waiting))
	for name := range e.waiting {
		out[name] = ""
	}
	for i := range s.Checks {
		if c := &s.Checks[i]; e.waiting[c.Name] {
			out[c.Name] = c.reason()
		}
	}
	return out
}

func (c *Check) reason() string {
	if c.Error != "" {
		return c.Error
	}
	for i := range c.Alerts {
		if a := &c.Alerts[i]; !restates(a.Name) && a.Labels[actionLabel] == "" {
			return a.text()
		}
	}
	return ""
}
