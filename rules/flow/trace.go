package flow

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// Traces are the flows of all rules: what a rule's series carry depends on what the rules wrote that it reads. Rules are
// known by their index.
type Traces struct {
	rules    []Rule
	measured []string // names that are measured as well as written
	of       []Flow
	writers  map[string][]int // by the name of the series
	union    map[string]Flow  // of all writers of a name
	carried  []string         // names whose series may carry one of the labels
	queue    []int            // to be traced
	queued   []bool
	readers  map[string][]int // by the exact name that they read
	any      []int            // those that read by a pattern
}

// Trace follows the labels through all rules, given in evaluation order. A rule may read what a later one wrote before, so
// it goes on until nothing changes; each label can change twice. measured are names whose series are measured too, not
// written by rules alone. Trace keeps rules, which must not change.
func Trace(rules []Rule, measured ...string) *Traces {
	f := &Traces{
		rules: rules, measured: measured, of: make([]Flow, len(rules)), writers: map[string][]int{}, union: map[string]Flow{},
		queued: make([]bool, len(rules)), readers: map[string][]int{},
	}
	for i, r := range rules {
		for _, name := range r.Writes() {
			f.writers[name] = append(f.writers[name], i)
		}
		f.index(i)
		f.again(i)
	}
	for len(f.queue) > 0 {
		i := f.queue[0]
		f.queue = f.queue[1:]
		f.queued[i] = false
		f.update(i)
	}
	return f
}

// Of returns the flow of the series of the rule with index i. It is empty for a rule that does not parse.
func (f *Traces) Of(i int) Flow { return f.of[i] }

// again queues rules that are to be traced.
func (f *Traces) again(rules ...int) {
	for _, i := range rules {
		if f.rules[i].Expr != nil && !f.queued[i] {
			f.queued[i] = true
			f.queue = append(f.queue, i)
		}
	}
}

// index notes what a rule reads.
func (f *Traces) index(i int) {
	expr.Inspect(f.rules[i].Expr, func(n parser.Node, _ []parser.Node) {
		if s, ok := n.(*parser.VectorSelector); ok {
			if name := expr.ExactName(s); name != "" {
				f.readers[name] = append(f.readers[name], i)
			} else {
				f.any = append(f.any, i)
			}
		}
	})
}

// update traces one rule and, where the flow of a name it writes changes, has its readers traced again.
func (f *Traces) update(i int) {
	out, r := f.trace(i), f.rules[i]
	f.of[i] = out
	for _, name := range r.Writes() {
		before := f.union[name]
		after := before.or(r.passes(out))
		f.union[name] = after
		if after.same(before) {
			continue
		}
		f.again(f.readers[name]...)
		if !after.carries() {
			continue
		}
		f.again(f.any...)
		if !before.carries() {
			f.carried = append(f.carried, name)
		}
	}
}

// passes is the flow that readers of the rule see. Where a label of a server is a fault of the rule itself, they are right
// as soon as it is fixed.
func (r Rule) passes(f Flow) Flow {
	if f.carriesTarget() && r.Refused {
		for i := range targets {
			f = f.set(i, missing, nil)
		}
	}
	return f
}

// trace is the flow of one rule's series: the expression's, under the labels that the rule itself sets.
func (f *Traces) trace(rule int) Flow {
	t, r := &tracer{rule: rule, selected: f.Selected}, f.rules[rule]
	out := t.expr(r.Expr)
	for i, name := range tracedLabels() {
		switch value, fixed := r.Fixed(name); {
		case !r.Labels.Has(name):
		case !fixed: // a template
			out = out.set(i, present|missing, t.origin("", name, "remove or rename the label"))
		case value != "":
			out = out.set(i, present, t.origin("", name, "remove or rename the label"))
		default: // an empty label removes the series' own
			out = out.set(i, missing, nil)
		}
	}
	return out
}

// Selected returns the flow of a selector: of measured series, or of recorded ones with what their rules gave them.
func (f *Traces) Selected(s *parser.VectorSelector) Flow {
	name := expr.ExactName(s)
	if name == "" {
		out := measuredFlow()
		for _, name := range f.carried {
			if expr.MayRead(s, name) {
				out = out.or(f.written(name, s.LabelMatchers))
			}
		}
		return out.matched(s.LabelMatchers)
	}
	out := f.union[name]
	switch {
	case len(f.writers[name]) == 0:
		out = measuredFlow()
	case out.carries():
		out = f.written(name, s.LabelMatchers)
	}
	if slices.Contains(f.measured, name) {
		out = out.or(measuredFlow())
	}
	return out.matched(s.LabelMatchers)
}

// written is the flow of the series of a name that the matchers may select.
func (f *Traces) written(name string, matchers []*labels.Matcher) Flow {
	out := Flow{}
	for _, i := range f.writers[name] {
		if w := f.rules[i]; w.CanWrite(name, matchers) && (w.Alert == "" || w.maySpeak(matchers)) {
			out = out.or(w.passes(f.of[i]))
		}
	}
	return out
}
