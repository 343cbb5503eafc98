package evaluator

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"chorus/evaluator/engine"
	"chorus/evaluator/verdict"
)

// noScore stands where no score was recorded.
var noScore = math.NaN()

// conclude turns one evaluation into a Snapshot, publishes it, and starts the actions that began to fire.
func (e *Evaluator) conclude(ctx context.Context, v *view, s engine.Stamp, sampled time.Time, partial bool) {
	snap := &Snapshot{
		Time: s.Wall, Sampled: sampled, Score: v.score, KeyMetrics: v.keys, StallTimeout: e.opts.StallTimeout,
		Complete: e.ranOnce, Partial: partial,
	}
	e.readLimits(ctx, s)
	byCheck := e.collectAlerts(snap, v)
	e.collectChecks(ctx, snap, v, s, byCheck)
	e.readCauses(snap)
	e.nameMissing(ctx, snap, v, s)
	for name, score := range v.components {
		snap.Components = append(snap.Components, Component{Name: name, Score: score})
	}
	slices.SortFunc(snap.Components, func(a, b Component) int { return cmp.Compare(a.Name, b.Name) })
	for _, g := range e.engine.Groups {
		if g.Failing {
			snap.Failing = append(snap.Failing, g.Name)
		}
	}
	slices.Sort(snap.Failing)
	e.countResults(snap, v, s)
	e.settle(snap, v)
	snap.Since = e.statusSince(snap.Status, s)
	snap.Finished = time.Now()
	e.exposed.Store(e.expose(snap))
	e.followActions(ctx, snap, s) // before OnSnapshot is told, which may show them
	e.logAlerts(snap)

	e.publish.Lock()
	if e.inPhase(phaseStopping) {
		snap = asStopping(snap, e.snapshot.Load().Since)
	}
	e.publishLocked(snap)
	e.publish.Unlock()
}

// statusSince keeps since when the status holds.
func (e *Evaluator) statusSince(now Status, s engine.Stamp) time.Time {
	if now != e.status {
		e.status, e.since = now, s.Steady
	}
	return e.engine.Clock.At(e.since)
}

// asStopping is the snapshot with the status that holds from Stopping on.
func asStopping(s *Snapshot, since time.Time) *Snapshot {
	out := *s
	out.Status, out.Since, out.Message = Stopping, since, "Stopping"
	return &out
}

// publishLocked makes the snapshot the current one. The caller holds e.publish.
func (e *Evaluator) publishLocked(s *Snapshot) {
	old := e.snapshot.Swap(s)
	if old.Status != s.Status {
		e.metrics.statusChanged(old.Status, s.Status)
		logStatus(e.opts.Logger, old.Status, s)
	}
	if e.opts.OnSnapshot != nil {
		e.opts.OnSnapshot(s)
	}
}

// collectAlerts lists every active alert, worst first, in the snapshot and by check.
func (e *Evaluator) collectAlerts(snap *Snapshot, v *view) map[string][]Alert {
	for _, g := range e.engine.Groups {
		for _, r := range g.Rules {
			for _, a := range r.Active {
				snap.Alerts = append(snap.Alerts, e.publicAlert(a, v))
			}
		}
	}
	slices.SortFunc(snap.Alerts, verdict.WorstFirst)
	byCheck := map[string][]Alert{}
	for _, a := range snap.Alerts {
		if a.Check != "" {
			byCheck[a.Check] = append(byCheck[a.Check], a)
		}
	}
	return byCheck
}
