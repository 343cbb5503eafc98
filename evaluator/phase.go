package evaluator

import "time"

// The phases of the process, exposed as chorus_exporter_phase. The rules turn them into a status.
const (
	phaseStarting = "starting"
	phaseRunning  = "running"
	phaseStopping = "stopping"
)

func phases() []string { return []string{phaseStarting, phaseRunning, phaseStopping} }

func (e *Evaluator) setPhase(p string) { e.phase.Store(&p) }

func (e *Evaluator) inPhase(p string) bool { return *e.phase.Load() == p }

// advancePhase ends the starting phase once every check that the first evaluation knew has a result (a probe's run, a
// rule check's data), or the startup timeout has passed. The rules see the change in an evaluation that follows at once.
func (e *Evaluator) advancePhase(v *view, s stamp) {
	if !e.ranOnce {
		e.ranOnce = true
		e.waiting = map[string]bool{}
		for name := range v.info {
			e.waiting[name] = true
		}
	}
	if !e.inPhase(phaseStarting) {
		return
	}
	for name := range e.waiting {
		if _, known := v.info[name]; !known || v.ran[name] || v.data[name] {
			delete(e.waiting, name)
		}
	}
	if len(e.waiting) > 0 && time.Duration(s.steady-e.began)*time.Millisecond < e.opts.StartupTimeout {
		return
	}
	e.publish.Lock()
	if e.inPhase(phaseStarting) { // Stopping may have come in between
		e.setPhase(phaseRunning)
	}
	e.publish.Unlock()
	e.Trigger()
}
