package evaluator

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/engine"
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

// verdict is the one status that the rules recorded as 1. Anything else than exactly one is unhealthy and not sound.
func verdict(recorded map[string]float64) (Status, bool) {
	holds := []string{}
	for name, v := range recorded {
		if v != 0 { // NaN too
			holds = append(holds, name)
		}
	}
	if len(holds) == 1 && recorded[holds[0]] == 1 && slices.Contains(Statuses(), Status(holds[0])) {
		return Status(holds[0]), true
	}
	return Unhealthy, false
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
	slices.SortFunc(snap.Alerts, worstFirst)
	byCheck := map[string][]Alert{}
	for _, a := range snap.Alerts {
		if a.Check != "" {
			byCheck[a.Check] = append(byCheck[a.Check], a)
		}
	}
	return byCheck
}

// severities by weight; others weigh nothing. What a severity means for the status is said by the rules: this is the
// order of a list.
func severityRank(s string) int { return 1 + slices.Index([]string{"info", "warning", "critical"}, s) }

// worstFirst is a total order, so that the same alerts are listed alike every time. An alert that names a fault comes
// before one of the same weight that says that its check is unproven, and, if they began together, before one that says
// that nothing is known.
func worstFirst(a, b Alert) int {
	rank := func(x Alert) int {
		n := severityRank(x.Severity)
		if x.State == "firing" && !x.Masked {
			n += 8
		}
		return n
	}
	if c := cmp.Or(cmp.Compare(rank(b), rank(a)), last(a, b, saysUnproven), a.ActiveAt.Compare(b.ActiveAt),
		last(a, b, saysUnknown), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Check, b.Check),
		cmp.Compare(a.Summary, b.Summary)); c != 0 {
		return c
	}
	return labels.Compare(labels.FromMap(a.Labels), labels.FromMap(b.Labels))
}

// last puts an alert whose name is so behind one whose name is not.
func last(a, b Alert, so func(name string) bool) int {
	switch first := so(a.Name); {
	case first == so(b.Name):
		return 0
	case first:
		return 1
	}
	return -1
}
