package evaluator

import "chorus/evaluator/verdict"

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
		if c.Error = verdict.OneLine(text); c.Error == "" {
			c.Error = "last run failed"
		}
		if c.RunDecides() {
			c.Message = c.Error
		}
	}
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
			out[c.Name] = c.Reason()
		}
	}
	return out
}
