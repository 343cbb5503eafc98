package shutdown

import (
	"slices"
	"time"
)

// wave is what stops together: the steps of one phase and one priority. It is never empty.
type wave []*step

func (w wave) phase() Phase { return w[0].component.Phase }

func (w wave) priority() int { return w[0].component.Priority }

// longest is the longest bound that the components have of their own; 0 if one has none.
func (w wave) longest() (d time.Duration) {
	for _, s := range w {
		if s.component.Timeout == 0 {
			return 0
		}
		d = max(d, s.component.Timeout)
	}
	return d
}

// waves are the steps that wait, in their order. Callers hold mu.
func (m *Manager) waves() []wave {
	waiting := slices.DeleteFunc(m.sorted(), func(s *step) bool { return s.result != ResultWaiting })
	var all []wave
	for _, s := range waiting {
		if n := len(all); n > 0 && all[n-1].phase() == s.component.Phase && all[n-1].priority() == s.component.Priority {
			all[n-1] = append(all[n-1], s)
		} else {
			all = append(all, wave{s})
		}
	}
	return all
}

// next begins what comes next: a wave of this phase, else the next stage, which wave nil says. Nothing can be registered
// in between.
func (m *Manager) next() (w wave, limit time.Time, grace time.Duration, s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, waves := time.Now(), m.waves()
	if len(waves) == 0 || phaseIndex(waves[0].phase()) != phaseIndex(m.stage) {
		return nil, time.Time{}, 0, m.enter(stageOrder[slices.Index(stageOrder, m.stage)+1], now)
	}
	w = waves[0]
	limit, grace = m.bounds.limit(now, m.begun, waves[1:])
	m.begun++
	m.priority = new(int)
	*m.priority = w.priority()
	for _, each := range w {
		each.result = ResultRunning
	}
	return w, limit, grace, m.publish()
}
