package evaluator

import (
	"time"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// The phases of the process, exposed as chorus_exporter_phase. The rules turn them into a status.
const (
	phaseStarting = "starting"
	phaseRunning  = "running"
	phaseStopping = "stopping"
)

func phases() []string { return []string{phaseStarting, phaseRunning, phaseStopping} }

func (e *Evaluator) setPhase(p string) { e.phase.Store(&p) }

func (e *Evaluator) inPhase(p string) bool { return *e.phase.Load() == p }

// advancePhase ends the starting phase once nothing is awaited any more, or the startup timeout has passed. The checks of
// the first evaluation are awaited: a critical one until it is proven or a critical alert of it fires, any other until it
// has a first result. The rules see the change in an evaluation that follows at once.
func (e *Evaluator) advancePhase(v *view, s engine.Stamp) {
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
	failed, judged := e.firstVerdicts()
	for name := range e.waiting {
		info, known := v.info[name]
		done := v.ran[name] || v.data[name] || judged[name]
		if info.critical {
			done = v.proven[name] || failed[name]
		}
		if done || !known {
			delete(e.waiting, name)
		}
	}
	if len(e.waiting) > 0 && time.Duration(s.Steady-e.began)*time.Millisecond < e.opts.StartupTimeout {
		return
	}
	e.publish.Lock()
	if e.inPhase(phaseStarting) { // Stopping may have come in between
		e.setPhase(phaseRunning)
	}
	e.publish.Unlock()
	e.Trigger()
}

// firstVerdicts lists the checks that have failed, by a critical alert that fires, and those that have been judged, by a
// critical or warning alert that is pending or firing. An alert that says that nothing is known is no judgement.
func (e *Evaluator) firstVerdicts() (failed, judged map[string]bool) {
	failed, judged = map[string]bool{}, map[string]bool{}
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			for _, a := range r.Active {
				name, severity := a.Labels.Get(checkNameLabel), a.Labels.Get("severity")
				if a.Labels.Get(verdict.ActionLabel) != "" || verdict.SeverityRank(severity) < 2 {
					continue
				}
				failed[name] = failed[name] || a.Firing && severity == "critical"
				judged[name] = judged[name] || !verdict.SaysUnknown(r.Alert) && !verdict.SaysUnproven(r.Alert)
			}
		}
	}
	return failed, judged
}
