package evaluator

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

// engineOptions configure an Engine. Retention and MaxSeries are required.
type engineOptions struct {
	Retention time.Duration // how far the rules look back
	MaxSeries int           // in the store
	Start     time.Time     // when steady time begins
	// Class returns whose room a group's series take; nil: every group is Custom.
	Class func(*rules.Group) class
	// Refuse returns an error for a result that its rule may not have, which fails the rule; nil: every result is fine.
	Refuse func(*rules.Rule, labels.Labels) error
	Logger log.Logger // nil: nothing is logged
}

// engine evaluates groups of rules over a store. It is not safe for concurrent use, its store is.
type engine struct {
	store *store.Store
	query *querier
	clock clock

	opts      engineOptions
	retention time.Duration // of the store
	groups    []*group
	sampler   *sampler
	room      *room             // nil: only the store's own limit
	direct    map[string]direct // series that no rule writes, by labels
	buf       []byte
	logger    log.Logger
}

// stamp is the time of one evaluation: steady milliseconds for the store, and the same instant as PromQL sees it.
type stamp struct {
	steady int64
	wall   time.Time
	offset time.Duration // wall less steady
}

// retentionSlack is kept beyond the longest look back, so that an evaluation that comes late still finds all of it.
const retentionSlack = time.Minute

// newEngine returns an engine without groups, with an empty store.
func newEngine(o engineOptions) (*engine, error) {
	if o.Logger == nil {
		o.Logger = log.NewNopLogger()
	}
	st, err := store.New(store.Options{Retention: o.Retention + retentionSlack, MaxSeries: o.MaxSeries})
	if err != nil {
		return nil, err
	}
	e := &engine{
		store: st, query: newQuerier(st, o.Logger), clock: clock{start: o.Start},
		opts: o, retention: o.Retention + retentionSlack, logger: o.Logger,
	}
	e.sampler = newSampler(e)
	return e, nil
}

// install replaces the groups between two evaluations. Rules that stay go on from their state; the series of those that
// went end at once. lookBack is how far the rules look back.
func (e *engine) install(groups []rules.Group, lookBack time.Duration) {
	fresh := make([]*group, 0, len(groups))
	for i := range groups {
		fresh = append(fresh, newGroup(groups[i], e.classOf(&groups[i])))
	}
	if orphans := adopt(fresh, e.groups); len(orphans) > 0 {
		e.clock.last++ // a moment of its own: the next evaluation may write the same series again
		for _, r := range orphans {
			r.retire(e, e.clock.last)
		}
		for _, g := range e.groups {
			if !slices.ContainsFunc(fresh, func(f *group) bool { return f.name == g.name }) {
				e.endFailing(g, e.clock.last)
			}
		}
	}
	e.groups = fresh
	e.retention = lookBack + retentionSlack
	e.store.SetRetention(e.retention)
}

func (e *engine) classOf(g *rules.Group) class {
	if e.opts.Class == nil {
		return custom
	}
	return e.opts.Class(g)
}

// check asks whether a rule may have a result.
func (e *engine) check(r *rules.Rule, l labels.Labels) error {
	if e.opts.Refuse == nil {
		return nil
	}
	return e.opts.Refuse(r, l)
}

// advance begins an evaluation: wall is the time of day, steady what has passed since Start.
func (e *engine) advance(wall time.Time, steady time.Duration) stamp {
	var s stamp
	s.steady, s.wall = e.clock.advance(wall, steady)
	s.offset = e.clock.offset
	return s
}

// at returns the query function of one evaluation, in the form templates ask for. They query at the time they are
// handed, which is the evaluation's.
func (e *engine) at(s stamp) func(context.Context, string, time.Time) (promql.Vector, error) {
	return func(ctx context.Context, expr string, t time.Time) (promql.Vector, error) {
		return e.query.template(ctx, expr, t, s.offset)
	}
}

// annotation expands the templates of a text for people, with the labels and the value of a sample.
func (e *engine) annotation(ctx context.Context, name string, sample promql.Sample, s stamp, text string) string {
	return newExpander(ctx, name, sample, s.wall, e.at(s)).annotation(text)
}

// instant evaluates an expression at the time of an evaluation.
func (e *engine) instant(ctx context.Context, expr string, s stamp) (promql.Vector, error) {
	return e.query.instant(ctx, expr, s.wall, s.offset)
}

// current calls f for every series of the name that a rule would see at this time, and for those that a group with an
// interval of its own, which did not run this time, holds from its last: for these perhaps twice.
func (e *engine) current(name string, s stamp, f func(labels.Labels, float64)) {
	e.store.Latest(name, s.steady, f)
	for _, g := range e.groups {
		if g.lastRun == s.steady {
			continue
		}
		for _, r := range g.rules {
			if r.Record != name {
				continue
			}
			for _, res := range r.results {
				f(res.labels, res.value)
			}
		}
	}
}

// collect forgets what no rule looks back to any more.
func (e *engine) collect(s stamp) { e.store.GC(s.steady - e.retention.Milliseconds()) }
