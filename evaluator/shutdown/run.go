package shutdown

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/log/level"
)

// Run waits for a request and then stops everything in order. It returns nil when that is over, at once if it was over
// before, and also when ctx ends while nobody has asked. When ctx ends during the stop, that is cut short: the contexts
// of the steps that run end, those that wait are skipped. Only a second Run beside the first is an error.
func (m *Manager) Run(ctx context.Context) error {
	if !m.isRunning.CompareAndSwap(false, true) {
		return errors.New("run shutdown manager: already running")
	}
	defer m.isRunning.Store(false)
	select {
	case <-m.requested:
	case <-ctx.Done():
		m.mu.Lock()
		none := m.request == nil
		m.mu.Unlock()
		if none {
			return nil
		}
		<-m.requested // OnStopping must return at once
	}
	if m.State().Name == StageStopped {
		return nil
	}
	m.drainUntil(ctx)
	for ctx.Err() == nil {
		w, limit, grace, s := m.next()
		m.tell(s)
		if s.Name == StageStopped {
			m.finish("Everything has been stopped in order")
			return nil
		}
		m.stopWave(ctx, w, limit, grace)
	}
	m.cut(ctx.Err())
	return nil
}

// drainUntil waits for the end of the drain, or of ctx.
func (m *Manager) drainUntil(ctx context.Context) {
	m.mu.Lock()
	left := time.Until(m.bounds.drained)
	m.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// cut ends the stop early.
func (m *Manager) cut(why error) {
	m.mu.Lock()
	for _, w := range m.waves() {
		for _, s := range w {
			m.skip(s, "the stop was cut short: "+why.Error())
		}
	}
	s := m.enter(StageStopped, time.Now())
	m.mu.Unlock()
	m.tell(s)
	m.finish("The stop was cut short")
}

func (m *Manager) finish(msg string) {
	level.Info(m.options.Logger).Log("msg", msg)
	close(m.done)
}

// stopWave runs the steps of a wave together and returns when each has ended or was given up.
func (m *Manager) stopWave(ctx context.Context, w wave, limit time.Time, grace time.Duration) {
	ended := make(chan outcome)
	for _, s := range w {
		go func() { ended <- m.stop(ctx, s, limit, grace) }()
	}
	for range w {
		m.settle(<-ended)
	}
}

// settle records how a step ended.
func (m *Manager) settle(o outcome) {
	m.mu.Lock()
	o.step.result, o.step.took = o.result, o.took
	if o.err != nil {
		o.step.err = clip(o.err.Error(), maxErrorBytes)
	}
	text := o.step.err
	s := m.publish()
	m.mu.Unlock()
	m.metrics.ended(o.result)
	if name := o.step.component.Name; o.result == ResultDone {
		level.Info(m.options.Logger).Log("msg", "Component stopped", "component", name, "duration", o.took)
	} else {
		level.Error(m.options.Logger).Log("msg", "Component failed to stop; continuing: "+string(o.result),
			"component", name, "duration", o.took, "err", text)
	}
	m.tell(s)
}
