package probes

import "time"

// Cause returns the error of a check's newest run that had finished at notAfter, for evaluator.Options.Cause. ok is false
// if that run passed or there is none.
func (r *Runner) Cause(check string, notAfter time.Time) (text string, ok bool) {
	o, ran := r.Last(check, notAfter)
	if !ran || o.Healthy() {
		return "", false
	}
	return o.Err.Error(), true
}
