// Package engine evaluates groups of Prometheus rules: it samples what is gathered into a bounded store, evaluates the
// rules on it with the PromQL engine, and keeps the states of alerts, across reloads too. What alerts and recorded series
// mean is not known here.
package engine

import (
	"context"
	"slices"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"chorus/evaluator/store"
	"chorus/rules"
)

// Options configure an Engine. LookBack and MaxSeries are required.
type Options struct {
	LookBack  time.Duration // how far the rules look back
	MaxSeries int           // in the store
	Start     time.Time     // when steady time begins
	// Class returns whose room a group's series take; nil: every group is Custom.
	Class func(*rules.Group) Class
	// Refuse returns an error for a result that its rule may not have, which fails the rule; nil: every result is fine.
	Refuse func(*rules.Rule, labels.Labels) error
	Logger log.Logger // nil: nothing is logged
}

// Engine evaluates groups of rules over a store. Its Store is safe for concurrent use, the Engine is not.
type Engine struct {
	Store  *store.Store
	Query  *Querier
	Clock  Clock
	Groups []*Group // in evaluation order; replaced by Install

	opts      Options
	retention time.Duration // of the store
	sampler   *sampler
	room      *Room             // nil: only the store's own limit
	direct    map[string]direct // series that no rule writes, by labels
	buf       []byte
	logger    log.Logger
}

// Stamp is the time of one evaluation: steady milliseconds for the store, and the same instant as PromQL sees it.
type Stamp struct {
	Steady int64
	Wall   time.Time
	Offset time.Duration // wall less steady
}

// retentionSlack is kept beyond the longest look back, so that an evaluation that comes late still finds all of it.
const retentionSlack = time.Minute

// New returns an engine without groups, with an empty store.
func New(o Options) (*Engine, error) {
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	st, err := store.New(store.Options{Retention: o.LookBack + retentionSlack, MaxSeries: o.MaxSeries})
	if err != nil {
		return nil, err
	}
	e := &Engine{
		Store: st, Query: newQuerier(st, o.Logger), Clock: Clock{Start: o.Start},
		opts: o, retention: o.LookBack + retentionSlack, logger: o.Logger,
	}
	e.sampler = newSampler(e)
	return e, nil
}

// Install replaces the groups between two evaluations. A rule that was there before keeps its state; the series of rules
// that are gone end at once. lookBack is how far the rules look back.
func (e *Engine) Install(groups []rules.Group, lookBack time.Duration) {
	fresh := make([]*Group, 0, len(groups))
	for i := range groups {
		fresh = append(fresh, newGroup(groups[i], e.classOf(&groups[i])))
	}
	if orphans := adopt(fresh, e.Groups); len(orphans) > 0 {
		e.Clock.Last++ // a moment of its own: the next evaluation may write the same series again
		for _, r := range orphans {
			r.retire(e, e.Clock.Last)
		}
		for _, g := range e.Groups {
			if !slices.ContainsFunc(fresh, func(f *Group) bool { return f.Name == g.Name }) {
				e.endFailing(g, e.Clock.Last)
			}
		}
	}
	e.Groups = fresh
	e.retention = lookBack + retentionSlack
	e.Store.SetRetention(e.retention)
}

func (e *Engine) classOf(g *rules.Group) Class {
	if e.opts.Class == nil {
		return Custom
	}
	return e.opts.Class(g)
}

// check asks whether a rule may have a result.
func (e *Engine) check(r *rules.Rule, l labels.Labels) error {
	if e.opts.Refuse == nil {
		return nil
	}
	return e.opts.Refuse(r, l)
}

// Advance returns the time of an evaluation that begins now: wall is the time of day, steady the time since Clock.Start.
func (e *Engine) Advance(wall time.Time, steady time.Duration) Stamp {
	var s Stamp
	s.Steady, s.Wall = e.Clock.advance(wall, steady)
	s.Offset = e.Clock.offset
	return s
}

// at returns the query function of one evaluation, in the form templates ask for. They query at the time they are
// handed, which is the evaluation's.
func (e *Engine) at(s Stamp) func(context.Context, string, time.Time) (promql.Vector, error) {
	return func(ctx context.Context, expr string, t time.Time) (promql.Vector, error) {
		return e.Query.template(ctx, expr, t, s.Offset)
	}
}

// Annotation expands the templates of a text for people, with the labels and the value of a sample.
func (e *Engine) Annotation(ctx context.Context, name string, sample promql.Sample, s Stamp, text string) string {
	return newExpander(ctx, name, sample, s.Wall, e.at(s)).annotation(text)
}

// Instant evaluates an expression at the time of an evaluation.
func (e *Engine) Instant(ctx context.Context, expr string, s Stamp) (promql.Vector, error) {
	return e.Query.Instant(ctx, expr, s.Wall, s.Offset)
}

// Current calls f for every series of the name that a rule would see at this time, and for those that a group with an
// interval of its own, which did not run this time, holds from its last: for these perhaps twice.
func (e *Engine) Current(name string, s Stamp, f func(labels.Labels, float64)) {
	e.Store.Latest(name, s.Steady, f)
	for _, g := range e.Groups {
		if g.lastRun == s.Steady {
			continue
		}
		for _, r := range g.Rules {
			if r.Record != name {
				continue
			}
			for _, res := range r.Results {
				f(res.Labels, res.Value)
			}
		}
	}
}

// Collect deletes the samples that no rule looks back to any more.
func (e *Engine) Collect(s Stamp) { e.Store.GC(s.Steady - e.retention.Milliseconds()) }

// Kept returns how long the store keeps samples: as long as the rules look back, and a little more.
func (e *Engine) Kept() time.Duration { return e.retention }
