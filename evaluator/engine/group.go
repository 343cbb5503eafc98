package engine

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/go-kit/log/level"

	"chorus/rules"
)

// Group is a rule group with the state of its rules.
type Group struct {
	Name    string
	File    string
	Rules   []*Rule // in evaluation order
	Ran     bool    // at least once
	Failing bool    // a rule failed when the group was last evaluated

	interval time.Duration
	lastRun  int64
}

func newGroup(g rules.Group, c Class) *Group {
	out := &Group{Name: g.Name, File: g.File, interval: g.Interval}
	for i := range g.Rules {
		out.Rules = append(out.Rules, newRule(&g.Rules[i], c))
	}
	return out
}

// Due reports whether the group runs in the evaluation at t. An evaluation that an outcome drives runs every group. slack
// forgives a tick that comes a little early.
func (g *Group) Due(t int64, driven bool, slack time.Duration) bool {
	return driven || !g.Ran || time.Duration(t-g.lastRun)*time.Millisecond >= g.interval-slack
}

// Eval evaluates the group's rules in order and returns how many failed. A rule that fails does not stop the next. The
// end of ctx does, and is no rule's failure: what the rules said before stays.
func (e *Engine) Eval(ctx context.Context, g *Group, s Stamp) (failed int) {
	for _, r := range g.Rules {
		began := time.Now()
		err := r.eval(ctx, e, s)
		r.Took = time.Since(began)
		if ctx.Err() != nil {
			return failed
		}
		if err != nil {
			failed++
			if r.Err == nil || r.Err.Error() != err.Error() { // once per change, not at every evaluation
				level.Warn(e.logger).Log("msg", "Rule failed to evaluate", "rule", r.Name(), "group", g.Name, "err", err)
			}
		} else if r.Err != nil {
			level.Info(e.logger).Log("msg", "Rule evaluates again", "rule", r.Name(), "group", g.Name)
		}
		r.Err = err
	}
	g.Ran, g.lastRun, g.Failing = true, s.Steady, failed > 0
	return failed
}

// key identifies a group across reloads. Of the file the name counts, wherever it is: groups have names of their own.
func (g *Group) key() string { return filepath.Base(g.File) + "\xff" + g.Name }

// adopt takes over the state of old rules, as Prometheus does, so that a reload neither resets a `for` nor forgets which
// series were written: a rule goes on if the same group of the same file has one of the same name and labels, whatever
// its expression; of several such rules the nth goes on as the nth. The rules that nobody adopts are returned: their
// series must be ended.
func adopt(fresh, old []*Group) (orphans []*Rule) {
	groups := map[string]*Group{}
	left := map[string][]*Rule{}
	for _, g := range old {
		groups[g.key()] = g
		for _, r := range g.Rules {
			k := g.key() + "\xff" + r.key
			left[k] = append(left[k], r)
		}
	}
	for _, g := range fresh {
		if o := groups[g.key()]; o != nil && g.equal(o) { // else it runs at once
			g.Ran, g.lastRun, g.Failing = o.Ran, o.lastRun, o.Failing
		}
		for i, r := range g.Rules {
			k := g.key() + "\xff" + r.key
			if rs := left[k]; len(rs) > 0 {
				rs[0].Rule, rs[0].class = r.Rule, r.class
				g.Rules[i] = rs[0]
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
func (g *Group) equal(o *Group) bool {
	if len(g.Rules) != len(o.Rules) {
		return false
	}
	for i, r := range g.Rules {
		old := o.Rules[i]
		if r.key != old.key || r.Expr != old.Expr || r.For != old.For || r.KeepFiringFor != old.KeepFiringFor ||
			!maps.Equal(r.Annotations, old.Annotations) {
			return false
		}
	}
	return true
}

// linkSlow tells every alerting rule which others of its name may hold an alert without writing it in each evaluation.
func linkSlow(groups []*Group) {
	slow := map[string][]*Rule{}
	for _, g := range groups {
		for _, r := range g.Rules {
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
		for _, r := range g.Rules {
			r.slow = slow[r.Alert]
		}
	}
}

// WriteFailing writes chorus_rule_failing{group} into the store, so that the rules after this group can read it.
func (e *Engine) WriteFailing(g *Group, t int64) error {
	v := 0.0
	if g.Failing {
		v = 1
	}
	if err := e.Put(Deciding, failingLabels(g.Name), t, v); err != nil {
		return fmt.Errorf("write %s of group %s: %w", RuleFailing, g.Name, err)
	}
	return nil
}

// endFailing marks that series stale: the group is gone.
func (e *Engine) endFailing(g *Group, t int64) { e.End(failingLabels(g.Name), t) }
