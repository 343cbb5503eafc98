package probes

import (
	"context"
	"time"
)

// firstPause is the pause before the second try of an unproven check. It doubles with every try.
const firstPause = time.Second

// proof is what a check has shown of itself since it was declared. It is unproven until a run passes. Until then runs that
// the schedule does not ask for, the tries, look for that first pass:
//
//   - The run within 3 seconds of the declaration is a try. The next try starts 1s, 2s, 4s and so on after the end of the
//     last run, at most one interval after it, and never while a run is still out.
//   - The schedule begins with the first point of the grid that is at least one interval after the declaration. A target
//     that comes up within its first interval thus leaves no failed run behind, whatever the phase of its grid.
//   - The schedule goes before tries: a run that is due while a try is out starts when the try ends.
type proof struct {
	proven bool
	since  time.Time // when the first task began; zero before
	tries  int       // runs begun since, while unproven
}

// pause is the time between the end of the last run and the next try.
func (p proof) pause(interval time.Duration) time.Duration {
	const enough = 30 // doublings: 34 years, more than any interval
	doublings := min(max(p.tries-1, 0), enough)
	return min(firstPause<<doublings, interval)
}

// timetable is when a task runs its probe.
type timetable struct {
	grid
	counted time.Time       // of an unproven check: the next scheduled run
	next    time.Time       // the next run, scheduled or a try
	hung    <-chan struct{} // closed when the run that is still out returns; nil if that does not matter
}

// timetable starts with the first run.
func (t *task) timetable(now time.Time) timetable {
	seed := spread(t.runner.options.NodeID, t.spec.Name)
	p, _ := t.proof()
	x := timetable{grid: newGrid(seed, t.spec.Interval, now), next: now.Add(firstDelay(seed, t.spec.Interval))}
	begin := p.since.Add(t.spec.Interval)
	if begin.Before(now) {
		begin = now
	}
	x.counted = x.after(begin.Add(-1))
	return x
}

// advance sets the next run after one that has just ended, or was abandoned.
func (t *task) advance(x *timetable, now time.Time) {
	p, f := t.proof()
	x.hung = nil
	if p.proven {
		x.next = x.after(now)
		return
	}
	if !t.try {
		x.counted = x.after(now)
	}
	pause := p.pause(t.spec.Interval)
	if f.out() {
		pause, x.hung = t.spec.Interval, f.returned
	}
	x.next = earlier(now.Add(pause), x.counted)
}

// resume sets the next run when the run that was out has returned.
func (t *task) resume(x *timetable, now time.Time) {
	p, _ := t.proof()
	x.hung = nil
	x.next = earlier(now.Add(p.pause(t.spec.Interval)), x.next)
}

// proof returns the proof of the check, and its newest run.
func (t *task) proof() (proof, *flight) {
	t.runner.mu.RLock()
	defer t.runner.mu.RUnlock()
	return t.check.proof, t.check.flight
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// startingKey marks the context of a try.
type startingKey struct{}

// Starting reports whether ctx belongs to a try: a run of an unproven check outside its schedule. A probe with a counter
// that rules read as runs per interval must not count a try that fails, since tries are much more frequent.
func Starting(ctx context.Context) bool { return ctx.Value(startingKey{}) != nil }
