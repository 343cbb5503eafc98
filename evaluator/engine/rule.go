package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"chorus/evaluator/store"
	"chorus/rules"
)

// Names of the series that alerts write, as in Prometheus.
const (
	alertsName   = "ALERTS"
	forStateName = "ALERTS_FOR_STATE"
)

// AlertStateLabel is the label of ALERTS that holds the state of the alert.
const AlertStateLabel = "alertstate"

// RuleFailing is the name of the series that is 1 for each group with a failing rule, else 0.
const RuleFailing = "chorus_rule_failing"

func failingLabels(group string) labels.Labels {
	return labels.FromStrings(labels.MetricName, RuleFailing, "group", group)
}

// Rule is a rule with what it keeps from one evaluation to the next.
type Rule struct {
	*rules.Rule
	Active  Alerts        // of an alerting rule; none while the rule fails
	Results []Result      // of a recording rule's last evaluation
	Took    time.Duration // the last evaluation
	Err     error         // of the last evaluation

	key     string
	class   Class
	hidden  Alerts              // what was active when the rule failed to evaluate: the next evaluation goes on from it
	written map[string]*written // by labels
	slow    []*Rule             // alerting rules of the same name that do not run in every evaluation
	round   uint64

	buf     []byte
	builder *labels.Builder
	planned []*written    // what the evaluation under way will write
	entries []store.Entry // the same for the store
}

// Result is one recorded sample.
type Result struct {
	Labels labels.Labels
	Value  float64
}

// written is a series that the rule wrote when it was last evaluated.
type written struct {
	ref    store.Ref
	labels labels.Labels
	round  uint64
}

func newRule(r *rules.Rule, c Class) *Rule {
	return &Rule{
		Rule: r, key: ruleKey(r), class: c, Active: Alerts{}, written: map[string]*written{},
		builder: labels.NewBuilder(labels.EmptyLabels()),
	}
}

// ruleKey identifies a rule of a group across reloads: its name and its labels as the file has them.
func ruleKey(r *rules.Rule) string {
	return strings.Join([]string{r.Record, r.Alert, r.Labels.String()}, "\xff")
}

// Name returns the name of the alert, or that of the series that the rule records.
func (r *Rule) Name() string {
	if r.Alert != "" {
		return r.Alert
	}
	return r.Record
}

// eval evaluates the rule at s and writes what it yields, all or nothing. Series it wrote before and no longer yields are
// marked stale, and on an error all of them: an error keeps no old verdict. When ctx is done nothing changes.
func (r *Rule) eval(ctx context.Context, e *Engine, s Stamp) error {
	before := len(r.written)
	defer func() { e.room.wrote(r.class, len(r.written)-before) }()
	err := r.plan(ctx, e, s)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.hide()
	} else if err = r.write(e, s.Steady); err == nil {
		return nil
	}
	for _, a := range r.Active { // what holds is known, although no rule hears of it
		a.Unwritten = true
	}
	r.Results = nil
	for k, w := range r.written {
		r.leave(e, k, w, s.Steady)
	}
	return err
}

// plan evaluates the rule and collects what it will write.
func (r *Rule) plan(ctx context.Context, e *Engine, s Stamp) error {
	vector, err := e.Query.Instant(ctx, r.Expr, s.Wall, s.Offset)
	if err != nil {
		return err
	}
	r.round++
	r.planned, r.entries = r.planned[:0], r.entries[:0]
	if r.Alert != "" {
		return r.evalAlert(ctx, e, s, vector)
	}
	return r.evalRecord(e, vector)
}

func (r *Rule) evalRecord(e *Engine, vector promql.Vector) error {
	r.Results = r.Results[:0:0] // readers of the last snapshot may still hold the old ones
	for _, sample := range vector {
		r.builder.Reset(sample.Metric)
		r.builder.Set(labels.MetricName, r.Record)
		r.Labels.Range(func(l labels.Label) { r.builder.Set(l.Name, l.Value) })
		lset := r.builder.Labels()
		if err := e.check(r.Rule, lset); err != nil {
			return err
		}
		if err := r.add(lset, sample.F); err != nil {
			return err
		}
		r.Results = append(r.Results, Result{lset, sample.F})
	}
	return nil
}

func (r *Rule) evalAlert(ctx context.Context, e *Engine, s Stamp, vector promql.Vector) error {
	holding := make([]*Alert, 0, len(vector))
	for _, sample := range vector {
		a, err := r.instance(ctx, e, s, sample)
		if err != nil {
			return err
		}
		holding = append(holding, a)
	}
	if r.hidden != nil {
		r.Active, r.hidden = r.hidden, nil
	}
	if err := r.Active.step(r.Rule, holding, s.Steady); err != nil {
		return err
	}
	for _, a := range r.Active {
		a.Unwritten = false
		r.builder.Reset(a.Labels)
		r.builder.Set(labels.MetricName, forStateName)
		since := float64(s.Wall.Add(time.Duration(a.ActiveAt-s.Steady) * time.Millisecond).Unix())
		if err := r.add(r.builder.Labels(), since); err != nil {
			return err
		}
		r.builder.Set(labels.MetricName, alertsName)
		r.builder.Set(AlertStateLabel, a.State())
		if err := r.add(r.builder.Labels(), 1); err != nil {
			return err
		}
	}
	return nil
}

// instance is the alert that a sample stands for. A label's template that does not expand fails the rule: an error text
// as a severity would be an alert that counts for nothing.
func (r *Rule) instance(ctx context.Context, e *Engine, s Stamp, sample promql.Sample) (*Alert, error) {
	x := newExpander(ctx, r.Alert, sample, s.Wall, e.at(s))
	r.builder.Reset(sample.Metric)
	r.builder.Del(labels.MetricName)
	var err error
	r.Labels.Range(func(l labels.Label) {
		text, xerr := x.expand(l.Value)
		if xerr != nil {
			err = fmt.Errorf("expand the template of label %s: %w", l.Name, xerr)
		}
		r.builder.Set(l.Name, text)
	})
	if err != nil {
		return nil, err
	}
	r.builder.Set(labels.AlertName, r.Alert)
	a := &Alert{Labels: r.builder.Labels(), Annotations: make(map[string]string, len(r.Annotations)), Value: sample.F}
	if err := e.check(r.Rule, a.Labels); err != nil {
		return nil, err
	}
	for name, text := range r.Annotations {
		a.Annotations[name] = x.annotation(text)
	}
	return a, nil
}

// add plans one sample. A recording rule that yields one series twice is an error, as in Prometheus. Two alerts whose
// labels differ in alertstate alone have one series in ALERTS, with one value.
func (r *Rule) add(lset labels.Labels, v float64) error {
	r.buf = lset.Bytes(r.buf)
	w := r.written[string(r.buf)]
	if w == nil {
		w = &written{labels: lset}
		r.written[string(r.buf)] = w
	} else if w.round == r.round {
		if r.Alert != "" {
			return nil
		}
		return fmt.Errorf("two results have the labels %s after the rule's own labels are applied", lset)
	}
	w.round = r.round
	r.planned = append(r.planned, w)
	// Several alerts may have the labels of one series: of ALERTS_FOR_STATE the first one's value stays.
	r.entries = append(r.entries, store.Entry{Ref: w.ref, Labels: w.labels, Value: v, Yields: r.Alert != ""})
	return nil
}

// write appends what was planned and ends the series that the rule wrote before and no longer yields.
func (r *Rule) write(e *Engine, t int64) error {
	switch err := e.Store.Write(t, e.room.Limit(r.class), r.entries); {
	case errors.Is(err, store.ErrSeriesLimit):
		return fmt.Errorf("no room for the results: %w: raise max_series or keep fewer series", err)
	case errors.Is(err, store.ErrDuplicate):
		return fmt.Errorf("write %w: another rule wrote a different value in the same evaluation", err)
	case err != nil:
		return fmt.Errorf("write %w", err)
	}
	for i, w := range r.planned {
		w.ref = r.entries[i].Ref
	}
	for k, w := range r.written {
		if w.round != r.round {
			r.leave(e, k, w, t)
		}
	}
	return nil
}

// retire ends all series of a rule that is no longer there.
func (r *Rule) retire(e *Engine, t int64) {
	e.room.wrote(r.class, -len(r.written))
	for k, w := range r.written {
		r.leave(e, k, w, t)
	}
}

// hide takes the alerts away until the rule evaluates again. Their `for` and keep_firing_for go on meanwhile, as in
// Prometheus: an error now and then must not keep an alert from firing. An action waits for its `for` again.
func (r *Rule) hide() {
	if len(r.Active) == 0 {
		return
	}
	for _, a := range r.Active {
		a.held = true
	}
	r.Active, r.hidden = Alerts{}, r.Active
}

// leave gives up a series and marks it stale, so that no rule after this one sees its old value. A rule after this one
// that goes on with the series replaces the marker, and the store refuses it where a rule before has done so. An alert
// that a slow rule holds goes on as well, although that rule may not run now.
func (r *Rule) leave(e *Engine, key string, w *written, t int64) {
	delete(r.written, key)
	held := slices.ContainsFunc(r.slow, func(s *Rule) bool { return s.written[key] != nil })
	if w.ref != 0 && !held {
		_, _ = e.Store.Append(w.ref, w.labels, t, staleNaN)
	}
}

// ResultKey identifies a result of the rule's expression by the labels that an alert keeps of it.
func (r *Rule) ResultKey(l labels.Labels) string {
	r.builder.Reset(l)
	r.builder.Del(labels.MetricName, labels.AlertName)
	r.Labels.Range(func(own labels.Label) { r.builder.Del(own.Name) })
	r.buf = r.builder.Labels().Bytes(r.buf)
	return string(r.buf)
}

// Rearm has the actions of the rule's alerts start again, after their `for` has begun again.
func (r *Rule) Rearm() {
	for _, a := range r.hidden {
		a.Acted = false
	}
	for _, a := range r.Active {
		a.Acted, a.held = false, true // what follows an end of that, the next evaluation does
	}
}
