package evaluator

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/go-kit/log/level"

	"chorus/rules"
)

// group is a rule group with the state of its rules.
type group struct {
	name     string
	file     string
	interval time.Duration
	rules    []*rule

	ran     bool
	lastRun int64
	failing bool
}

func newGroup(g rules.Group, c class) *group {
	out := &group{name: g.Name, file: g.File, interval: g.Interval}
	for i := range g.Rules {
		out.rules = append(out.rules, newRule(&g.Rules[i], c))
	}
	return out
}

// due says whether the group runs in the evaluation at t. An evaluation that an outcome drives runs every group. slack
// forgives a tick that comes a little early.
func (g *group) due(t int64, driven bool, slack time.Duration) bool {
	return driven || !g.ran || time.Duration(t-g.lastRun)*time.Millisecond >= g.interval-slack
}

// eval evaluates the group's rules in order and returns how many failed. A rule that fails does not stop the next. The
// end of ctx does, and is no rule's failure: what the rules said before stays.
func (e *engine) eval(ctx context.Context, g *group, s stamp) (failed int) {
	for _, r := range g.rules {
		began := time.Now()
		err := r.eval(ctx, e, s)
		r.took = time.Since(began)
		if ctx.Err() != nil {
			return failed
		}
		if err != nil {
			failed++
			if r.err == nil || r.err.Error() != err.Error() { // once per change, not at every evaluation
				level.Warn(e.logger).Log("msg", "Rule failed to evaluate", "rule", r.name(), "group", g.name, "err", err)
			}
		} else if r.err != nil {
			level.Info(e.logger).Log("msg", "Rule evaluates again", "rule", r.name(), "group", g.name)
		}
		r.err = err
	}
	g.ran, g.lastRun, g.failing = true, s.steady, failed > 0
	return failed
}

// key identifies a group across reloads. Of the file the name counts, wherever it is: groups have names of their own.
func (g *group) key() string { return filepath.Base(g.file) + "\xff" + g.name }

// adopt takes over the state of old rules, as Prometheus does, so that a reload neither resets a `for` nor forgets which
// series were written: a rule goes on if the same group of the same file has one of the same name and labels, whatever
// its expression; of several such rules the nth goes on as the nth. The rules that nobody adopts are returned: their
// series must be ended.
func adopt(fresh, old []*group) (orphans []*rule) {
	groups := map[string]*group{}
	left := map[string][]*rule{}
	for _, g := range old {
		groups[g.key()] = g
		for _, r := range g.rules {
			k := g.key() + "\xff" + r.key
			left[k] = append(left[k], r)
		}
	}
	for _, g := range fresh {
		if o := groups[g.key()]; o != nil && g.equal(o) { // else it runs at once
			g.ran, g.lastRun, g.failing = o.ran, o.lastRun, o.failing
		}
		for i, r := range g.rules {
			k := g.key() + "\xff" + r.key
			if rs := left[k]; len(rs) > 0 {
				rs[0].Rule, rs[0].class = r.Rule, r.class
				g.rules[i] = rs[0]
				left[k] = rs[1:]
			}
		}
	}
	for _, rs := range left {
		orphans = append(orphans, rs...)
	}
	linkSlow(fresh)
	return orphans
}

// equal reports whether both groups have the same rules in the same order. The interval may differ.
func (g *group) equal(o *group) bool {
	if len(g.rules) != len(o.rules) {
		return false
	}
	for i, r := range g.rules {
		old := o.rules[i]
		if r.key != old.key || r.Expr != old.Expr || r.For != old.For || r.KeepFiringFor != old.KeepFiringFor ||
			!maps.Equal(r.Annotations, old.Annotations) {
			return false
		}
	}
	return true
}

// linkSlow tells every alerting rule which others of its name may hold an alert without writing it in each evaluation.
func linkSlow(groups []*group) {
	slow := map[string][]*rule{}
	for _, g := range groups {
		for _, r := range g.rules {
			r.slow = nil
			if r.Alert != "" && g.interval > 0 {
				slow[r.Alert] = append(slow[r.Alert], r)
			}
		}
	}
	if len(slow) == 0 {
		return
	}
	for _, g := range groups {
		for _, r := range g.rules {
			r.slow = slow[r.Alert]
		}
	}
}

// writeFailing puts chorus_rule_failing{group} into the store, so that the rules after this group can read it.
func (e *engine) writeFailing(g *group, t int64) error {
	v := 0.0
	if g.failing {
		v = 1
	}
	if err := e.put(deciding, failingLabels(g.name), t, v); err != nil {
		return fmt.Errorf("write %s of group %s: %w", ruleFailing, g.name, err)
	}
	return nil
}

// endFailing marks that series stale: the group is gone.
func (e *engine) endFailing(g *group, t int64) { e.end(failingLabels(g.name), t) }
