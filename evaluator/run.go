package evaluator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log/level"

	"chorus/evaluator/engine"
	"chorus/evaluator/store"
)

// coalesce is the least time between two evaluations that outcomes drive: a burst of them costs one.
const coalesce = 50 * time.Millisecond

// now reads both clocks: the wall time, and the time since base that no step can touch. Tests replace it to make steps.
type now func() (wall time.Time, steady time.Duration)

func systemNow(base time.Time) now {
	return func() (time.Time, time.Duration) {
		t := time.Now()
		return t.Round(0), t.Sub(base)
	}
}

// Run evaluates every Interval, and soon after each Trigger, until ctx is done. It returns when the goroutines of
// actions have ended, too. It must run at most once.
func (e *Evaluator) Run(ctx context.Context) error {
	defer e.acting.Wait()
	ticker := time.NewTicker(e.opts.Interval)
	defer ticker.Stop()
	last := ""
	tick := func(driven bool) {
		select {
		case <-e.trigger: // whatever asked for it until now is served by this one
			driven = true
		default:
		}
		wall, steady := e.now()
		err := e.tick(ctx, wall, steady, driven)
		if ctx.Err() != nil {
			return
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != last && err != nil { // once per change, not at every evaluation
			level.Warn(e.opts.Logger).Log("msg", "Evaluation is incomplete", "err", err)
		}
		last = text
	}
	tick(false)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			tick(false)
		case <-e.trigger:
			if e.overBudget() {
				continue // the ticker comes
			}
			if !sleep(ctx, coalesce-time.Since(e.Snapshot().Finished)) {
				return nil
			}
			tick(true)
		}
	}
}

// overBudget says whether the store holds as many samples as it may: outcomes then wait for the interval.
func (e *Evaluator) overBudget() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, samples := e.engine.Store.Stats()
	return samples >= e.budget
}

// sleep waits for d; false says that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Tick is one evaluation at t: what Run calls by its clock and tests call by theirs. Every group runs. The error joins
// what could not be gathered or stored; a rule that fails is part of the verdict instead. With ctx done nothing is
// concluded.
func (e *Evaluator) Tick(ctx context.Context, t time.Time) error {
	wall := t.Round(0)
	return e.tick(ctx, wall, wall.Sub(e.engine.Clock.Start), true)
}

func (e *Evaluator) tick(ctx context.Context, wall time.Time, steady time.Duration, driven bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	began := time.Now()
	s := e.engine.Advance(wall, steady)
	if !e.ranOnce && e.began == 0 {
		e.began = s.Steady
	}
	err := e.sample(s)
	stage := engine.StageTime(e.opts.StallTimeout)
	e.engine.Query.Begin(stage)
	sampled, partial := time.Now(), err != nil
	if gerr := e.evalGroups(ctx, s, driven); gerr != nil {
		err = errors.Join(err, gerr)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.engine.Query.Begin(stage)
	v := e.readView(s)
	e.resize(e.Rules(), v.probes())
	e.advancePhase(v, s)
	e.conclude(ctx, v, s, sampled, partial)
	e.engine.Collect(s)
	e.metrics.evaluated(time.Since(began))
	return err
}

// sample gathers what is measured. Gather returns what it could together with the error of what it could not.
func (e *Evaluator) sample(s engine.Stamp) error {
	families, err := e.opts.Gatherer.Gather()
	if err != nil {
		err = fmt.Errorf("gather metrics: %w", err)
	}
	if serr := e.engine.Sample(families, s); serr != nil {
		err = errors.Join(err, fmt.Errorf("store metrics: %w", serr))
	}
	if e.engine.Refused() > 0 { // without the number, which changes all the time
		err = errors.Join(err, fmt.Errorf("%w: max_series is %d: measure fewer series or raise max_series",
			store.ErrSeriesLimit, e.opts.MaxSeries))
	}
	return err
}

func (e *Evaluator) evalGroups(ctx context.Context, s engine.Stamp, driven bool) (err error) {
	for i, g := range e.engine.Groups {
		if i == e.concluding {
			err = errors.Join(err, e.prove(s))
			e.engine.Query.Begin(engine.StageTime(e.opts.StallTimeout))
		}
		if g.Due(s.Steady, driven, e.opts.Interval/2) {
			failed := e.engine.Eval(ctx, g, s)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.metrics.failures.WithLabelValues(g.Name).Add(float64(failed))
		}
		err = errors.Join(err, e.engine.WriteFailing(g, s.Steady))
	}
	if e.concluding >= len(e.engine.Groups) {
		err = errors.Join(err, e.prove(s))
	}
	return err
}
