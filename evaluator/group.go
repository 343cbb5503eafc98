package evaluator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/prometheus/promql"

	"chorus/evaluator/store"
	"chorus/rules"
)

// stamp is the time of one evaluation: steady milliseconds for the store, and the same instant as PromQL sees it.
type stamp struct {
	steady int64
	wall   time.Time
	offset time.Duration // wall less steady
}

// engine is what rules are evaluated with.
type engine struct {
	store  *store.Store
	query  *querier
	logger log.Logger
}

// at returns the query function of one evaluation, in the form templates ask for. They query at the time they are
// handed, which is the evaluation's.
func (e *engine) at(s stamp) func(context.Context, string, time.Time) (promql.Vector, error) {
	return func(ctx context.Context, expr string, t time.Time) (promql.Vector, error) {
		return e.query.template(ctx, expr, t, s.offset)
	}
}

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

func newGroup(g rules.Group) *group {
	out := &group{name: g.Name, file: g.File, interval: g.Interval}
	for i := range g.Rules {
		out.rules = append(out.rules, newRule(&g.Rules[i]))
	}
	out.link()
	return out
}

// link tells every rule its heir.
func (g *group) link() {
	type name struct{ record, alert string }
	next := map[name]*rule{}
	for _, r := range slices.Backward(g.rules) {
		n := name{r.Record, r.Alert}
		r.heir, next[n] = next[n], r
	}
}

// due says whether the group runs in the evaluation at t. An evaluation that an outcome drives runs every group. slack
// forgives a tick that comes a little early.
func (g *group) due(t int64, driven bool, slack time.Duration) bool {
	return driven || !g.ran || time.Duration(t-g.lastRun)*time.Millisecond >= g.interval-slack
}

// eval evaluates the group's rules in order and returns how many failed. A rule that fails does not stop the next. The
// end of ctx does, and is no rule's failure: what the rules said before stays.
func (g *group) eval(ctx context.Context, e *engine, s stamp) (failed int) {
	for _, r := range g.rules {
		began := time.Now()
		err := r.eval(ctx, e, s)
		r.took = time.Since(began)
		if ctx.Err() != nil {
			return failed
		}
		if err != nil {
			failed++
			r.fail(e, s.steady)
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

// adopt takes over the state of the same rules in old, so that a reload neither resets a `for` nor forgets which series
// were written. The rules that nobody adopts are returned: their series must be ended.
func adopt(fresh, old []*group) (orphans []*rule) {
	byKey := map[string][]*rule{}
	groups := map[string]*group{}
	for _, g := range old {
		groups[g.name] = g
		for _, r := range g.rules {
			k := g.name + "\xff" + r.key
			byKey[k] = append(byKey[k], r)
		}
	}
	for _, g := range fresh {
		same := groups[g.name] != nil && len(groups[g.name].rules) == len(g.rules)
		for i, r := range g.rules {
			k := g.name + "\xff" + r.key
			if rs := byKey[k]; len(rs) > 0 {
				rs[0].Rule = r.Rule // annotations and the place in the file may be new
				g.rules[i] = rs[0]
				byKey[k] = rs[1:]
			} else {
				same = false
			}
		}
		g.link()
		if o := groups[g.name]; same { // else it runs at once
			g.ran, g.lastRun, g.failing = o.ran, o.lastRun, o.failing
		}
	}
	for _, rs := range byKey {
		orphans = append(orphans, rs...)
	}
	for _, r := range orphans {
		r.heir = nil
	}
	return orphans
}

// writeFailing puts chorus_rule_failing{group} into the store, so that the rules after this group can read it.
func (g *group) writeFailing(e *engine, t int64) error {
	v := 0.0
	if g.failing {
		v = 1
	}
	if _, err := e.store.Append(0, failingLabels(g.name), t, v); err != nil {
		return fmt.Errorf("write %s of group %s: %w", ruleFailing, g.name, err)
	}
	return nil
}

// endFailing marks that series stale: the group is gone.
func (g *group) endFailing(e *engine, t int64) {
	if g.ran {
		_, _ = e.store.Append(0, failingLabels(g.name), t, staleNaN)
	}
}
