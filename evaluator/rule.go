package evaluator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"chorus/evaluator/store"
	"chorus/rules"
)

// Names of the series that alerts write, as in Prometheus, and of the one that says which groups fail.
const (
	alertsName    = "ALERTS"
	forStateName  = "ALERTS_FOR_STATE"
	alertStateTag = "alertstate"
	ruleFailing   = "chorus_rule_failing"
)

func failingLabels(group string) labels.Labels {
	return labels.FromStrings(labels.MetricName, ruleFailing, "group", group)
}

// rule is a rule with what it keeps from one evaluation to the next.
type rule struct {
	*rules.Rule
	key     string
	active  alerts
	results []result // of a recording rule's last evaluation
	written map[string]*written
	heir    *rule     // the next rule of the group that may write the same series; nil if there is none
	pending []pending // of the evaluation under way
	round   uint64
	took    time.Duration
	err     error

	buf     []byte
	builder *labels.Builder
}

// result is one recorded sample.
type result struct {
	labels labels.Labels
	value  float64
}

// pending is a sample that will be written once all of the evaluation's samples are known to be sound.
type pending struct {
	to    *written
	value float64
}

// written is a series that the rule wrote when it was last evaluated.
type written struct {
	ref    store.Ref
	labels labels.Labels
	round  uint64
	at     int64 // when the last value was written, steady ms
}

func newRule(r *rules.Rule) *rule {
	return &rule{
		Rule: r, key: ruleKey(r), active: alerts{}, written: map[string]*written{},
		builder: labels.NewBuilder(labels.EmptyLabels()),
	}
}

// ruleKey identifies a rule across reloads by all that decides its verdict. Annotations don't.
func ruleKey(r *rules.Rule) string {
	return strings.Join([]string{
		r.Record, r.Alert, r.Expr, r.Labels.String(), r.For.String(), r.KeepFiringFor.String(),
	}, "\xff")
}

func (r *rule) name() string {
	if r.Alert != "" {
		return r.Alert
	}
	return r.Record
}

// eval evaluates the rule at s and writes what it yields. Series it wrote before and no longer yields are marked stale.
// On an error the caller must call fail.
func (r *rule) eval(ctx context.Context, e *engine, s stamp) error {
	vector, err := e.query.instant(ctx, r.Expr, s.wall, s.offset)
	if err != nil {
		return err
	}
	r.round++
	r.pending = r.pending[:0]
	if r.Alert != "" {
		err = r.evalAlert(ctx, e, s, vector)
	} else {
		err = r.evalRecord(vector)
	}
	if err != nil {
		return err
	}
	return r.write(e, s.steady)
}

func (r *rule) evalRecord(vector promql.Vector) error {
	r.results = r.results[:0:0] // readers of the last snapshot may still hold the old ones
	for _, sample := range vector {
		r.builder.Reset(sample.Metric)
		r.builder.Set(labels.MetricName, r.Record)
		r.Labels.Range(func(l labels.Label) { r.builder.Set(l.Name, l.Value) })
		lset := r.builder.Labels()
		if err := r.checkTarget(lset); err != nil {
			return err
		}
		if err := r.add(lset, sample.F); err != nil {
			return err
		}
		r.results = append(r.results, result{lset, sample.F})
	}
	return nil
}

func (r *rule) evalAlert(ctx context.Context, e *engine, s stamp, vector promql.Vector) error {
	holding := make([]*alert, 0, len(vector))
	for _, sample := range vector {
		a, err := r.instance(ctx, e, s, sample)
		if err != nil {
			return err
		}
		holding = append(holding, a)
	}
	if err := r.active.step(r.Rule, holding, s.steady); err != nil {
		return err
	}
	for _, a := range r.active {
		r.builder.Reset(a.labels)
		r.builder.Set(labels.MetricName, forStateName)
		since := float64(s.wall.Add(time.Duration(a.activeAt-s.steady) * time.Millisecond).Unix())
		if err := r.add(r.builder.Labels(), since); err != nil {
			return err
		}
		r.builder.Set(labels.MetricName, alertsName)
		r.builder.Set(alertStateTag, a.state())
		if err := r.add(r.builder.Labels(), 1); err != nil {
			return err
		}
	}
	return nil
}

// instance is the alert that a sample stands for. A label's template that does not expand fails the rule: an error text
// as a severity would be an alert that counts for nothing.
func (r *rule) instance(ctx context.Context, e *engine, s stamp, sample promql.Sample) (*alert, error) {
	x := newExpander(ctx, r.Alert, sample, s.wall, e.at(s))
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
	a := &alert{labels: r.builder.Labels(), annotations: make(map[string]string, len(r.Annotations)), value: sample.F}
	if err := errors.Join(r.checkSeverity(a.labels), r.checkTarget(a.labels)); err != nil {
		return nil, err
	}
	for name, text := range r.Annotations {
		a.annotations[name] = x.annotation(text)
	}
	return a, nil
}

// checkSeverity refuses an alert of a check with a severity that nobody knows: it would fire and count for nothing.
// The loader does so where the file fixes the severity; this is for templates and for labels of the series.
func (r *rule) checkSeverity(l labels.Labels) error {
	severity := l.Get("severity")
	if l.Get(checkNameLabel) == "" || severityRank(severity) > 0 || severity == "" && !r.Labels.Has("severity") {
		return nil
	}
	return fmt.Errorf("the alert %s has the unknown severity %q: use critical, warning or info", l, severity)
}

// add plans one sample; writing one series twice in one evaluation is an error, as in Prometheus.
func (r *rule) add(lset labels.Labels, v float64) error {
	r.buf = lset.Bytes(r.buf)
	w := r.written[string(r.buf)]
	if w == nil {
		w = &written{labels: lset}
		r.written[string(r.buf)] = w
	} else if w.round == r.round {
		return fmt.Errorf("two results have the labels %s after the rule's own labels are applied", lset)
	}
	w.round = r.round
	r.pending = append(r.pending, pending{w, v})
	return nil
}

// write appends what was planned and ends the series that the rule wrote before and no longer yields.
func (r *rule) write(e *engine, t int64) error {
	for _, p := range r.pending {
		ref, err := e.store.Append(p.to.ref, p.to.labels, t, p.value)
		if errors.Is(err, store.ErrDuplicate) && p.to.labels.Get(labels.MetricName) == forStateName {
			err = nil // another rule's alert of the same labels has been active for longer or shorter: that one stays
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", p.to.labels, err)
		}
		p.to.ref, p.to.at = ref, t
	}
	for k, w := range r.written {
		if w.round != r.round {
			r.leave(e, k, w, t)
		}
	}
	return nil
}

// fail takes back all that the rule said: an error keeps no old verdict. What it has written at this very moment, before
// the error, can't be ended yet; the next evaluation ends it.
func (r *rule) fail(e *engine, t int64) {
	for k, w := range r.written {
		if w.at != t {
			r.leave(e, k, w, t)
		}
	}
	clear(r.active)
	r.results = nil
}

// leave gives up a series. Where a later rule of the group may go on with it, it is that one's to write or to end: a
// stale marker now would keep it from writing at the same time. Nobody reads the series in between, the loader sees to
// that.
func (r *rule) leave(e *engine, key string, w *written, t int64) {
	delete(r.written, key)
	switch {
	case r.heir == nil:
		w.end(e, t)
	case r.heir.written[key] == nil:
		r.heir.written[key] = &written{ref: w.ref, labels: w.labels, round: r.heir.round, at: w.at}
	}
}

// end marks the series stale. The store refuses the marker where another rule wrote the same series at the same time;
// then the series goes on, rightly.
func (w *written) end(e *engine, t int64) {
	if w.ref != 0 {
		_, _ = e.store.Append(w.ref, w.labels, t, staleNaN)
	}
}
