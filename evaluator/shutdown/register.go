package shutdown

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// step is a component and what has become of it. Manager.mu guards it, but for the component, which never changes.
type step struct {
	component  Component
	configured bool // it came with Apply
	result     Result
	err        string
	took       time.Duration
}

func (s *step) shown() Step {
	c := &s.component
	return Step{Name: c.Name, Phase: c.Phase, Priority: c.Priority, Result: s.result, Error: s.err, Took: s.took}
}

// Register adds a component. While the stop is under way it is still run if its turn has not come: its phase is a later
// one, or is the present one and no step of its priority or a lower one has begun. Else the error is an ErrStopping.
// A name that is taken is an error.
func (m *Manager) Register(c Component) error {
	c, err := c.complete()
	if err != nil {
		return fmt.Errorf("register %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.steps[c.Name] != nil {
		return fmt.Errorf("register component %q: the name is taken, use another or unregister it first", c.Name)
	}
	if m.passed(c) {
		return fmt.Errorf("register component %q: %w, and the turn of phase %s and priority %d has passed",
			c.Name, ErrStopping, c.Phase, c.Priority)
	}
	s := &step{component: c, result: ResultWaiting}
	m.steps[c.Name] = s
	m.admit(s)
	m.publish()
	return nil
}

// Unregister removes a component, wherever it came from. One that has begun to stop stays. An unknown name changes
// nothing.
func (m *Manager) Unregister(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.steps[name]; s != nil && s.result == ResultWaiting {
		delete(m.steps, name)
		m.publish()
	}
}

// Apply takes over a configuration: the drain, which may be 0, the bound of the whole, and components in the place of
// those that an earlier Apply brought. It does all of it, or nothing and names every fault. Components that code
// registered stay. Once the stop has begun it is refused with ErrStopping.
func (m *Manager) Apply(drain, timeout time.Duration, configured []Component) error {
	var faults []error
	if err := checkTimes(drain, timeout); err != nil {
		faults = append(faults, err)
	}
	fresh := make(map[string]*step, len(configured))
	for _, c := range configured {
		c, err := c.complete()
		switch {
		case err != nil:
			faults = append(faults, err)
			continue
		case fresh[c.Name] != nil:
			faults = append(faults, fmt.Errorf("component %q: the name comes twice, use another", c.Name))
		case c.Timeout > timeout-drain:
			faults = append(faults, fmt.Errorf("component %q: Timeout %v is longer than the %v that remain of %v after a drain of %v",
				c.Name, c.Timeout, timeout-drain, timeout, drain))
		}
		fresh[c.Name] = &step{component: c, configured: true, result: ResultWaiting}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.request != nil {
		return fmt.Errorf("apply shutdown settings: %w", ErrStopping)
	}
	for name, s := range m.steps {
		if !s.configured && fresh[name] != nil {
			faults = append(faults, fmt.Errorf("component %q: the program has registered one of that name, use another", name))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("apply shutdown settings: %w", errors.Join(faults...))
	}
	maps.DeleteFunc(m.steps, func(_ string, s *step) bool { return s.configured })
	maps.Copy(m.steps, fresh)
	m.drain, m.timeout = drain, timeout
	m.publish()
	return nil
}

// passed says whether the turn of a component has come already. Callers hold mu.
func (m *Manager) passed(c Component) bool {
	if m.request == nil {
		return false
	}
	now, its := phaseIndex(m.stage), phaseIndex(c.Phase)
	return its < now || its == now && m.priority != nil && c.Priority >= *m.priority
}

// admit skips a step that is not for the request. Callers hold mu.
func (m *Manager) admit(s *step) {
	if m.request != nil && s.component.When == OnRule && m.request.Cause != CauseRule {
		m.skip(s, fmt.Sprintf("not asked by a rule but by a %s", m.request.Cause))
	}
}

// skip ends a step that has not begun. Callers hold mu.
func (m *Manager) skip(s *step, why string) {
	s.result, s.err = ResultSkipped, why
	m.metrics.ended(ResultSkipped)
}

// sorted are all steps by phase, priority and name. Callers hold mu.
func (m *Manager) sorted() []*step {
	return slices.SortedFunc(maps.Values(m.steps), func(a, b *step) int {
		return cmp.Or(
			cmp.Compare(phaseIndex(a.component.Phase), phaseIndex(b.component.Phase)),
			cmp.Compare(b.component.Priority, a.component.Priority),
			cmp.Compare(a.component.Name, b.component.Name),
		)
	})
}
