package rules

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chorus/rules/expr"
)

// flows are the flows of all rules: what a rule's series carry depends on what the rules wrote that it reads.
type flows struct {
	of      map[*item]flow
	writers map[string][]*item // by the name of the series
	union   map[string]flow    // of all writers of a name
	carried []string           // names whose series may carry one of the labels
	queue   []*item            // to be traced
	queued  map[*item]bool
	readers map[string][]*item // by the exact name that they read
	any     []*item            // those that read by a pattern
}

// traceRules follows the labels through all rules, given in evaluation order. A rule may read what a later one wrote
// before, so it goes on until nothing changes; each label can change twice.
func traceRules(rules []*item) *flows {
	f := &flows{
		of: map[*item]flow{}, writers: map[string][]*item{}, union: map[string]flow{},
		queued: map[*item]bool{}, readers: map[string][]*item{},
	}
	for _, it := range rules {
		for _, name := range it.writes() {
			f.writers[name] = append(f.writers[name], it)
		}
		f.index(it)
		f.again(it)
	}
	for len(f.queue) > 0 {
		it := f.queue[0]
		f.queue = f.queue[1:]
		f.queued[it] = false
		f.update(it)
	}
	return f
}

// again queues rules that are to be traced.
func (f *flows) again(rules ...*item) {
	for _, it := range rules {
		if it.expr != nil && !f.queued[it] {
			f.queued[it] = true
			f.queue = append(f.queue, it)
		}
	}
}

// index notes what a rule reads.
func (f *flows) index(it *item) {
	expr.Inspect(it.expr, func(n parser.Node, _ []parser.Node) {
		if s, ok := n.(*parser.VectorSelector); ok {
			if name := expr.ExactName(s); name != "" {
				f.readers[name] = append(f.readers[name], it)
			} else {
				f.any = append(f.any, it)
			}
		}
	})
}

// update traces one rule and, where the flow of a name it writes changes, has its readers traced again.
func (f *flows) update(it *item) {
	out := f.trace(it)
	f.of[it] = out
	for _, name := range it.writes() {
		before := f.union[name]
		after := before.or(it.passes(out))
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
func (it *item) passes(f flow) flow {
	if f.carriesTarget() && (it.judged() || it.group.file.shipped) {
		for i := range targetLabels() {
			f = f.set(i, missing, nil)
		}
	}
	return f
}

// trace is the flow of one rule's series: the expression's, under the labels that the rule itself sets.
func (f *flows) trace(it *item) flow {
	t := &tracer{rule: it, selected: f.selected}
	out := t.expr(it.expr)
	for i, name := range tracedLabels() {
		switch value, fixed := it.fixedLabel(name); {
		case !it.Labels.Has(name):
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

// selected is the flow of a selector: of measured series, or of recorded ones with what their rules gave them.
func (f *flows) selected(s *parser.VectorSelector) flow {
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
	if name == infoName { // measured too
		out = out.or(measuredFlow())
	}
	return out.matched(s.LabelMatchers)
}

// written is the flow of the series of a name that the matchers may select.
func (f *flows) written(name string, matchers []*labels.Matcher) flow {
	out := flow{}
	for _, w := range f.writers[name] {
		if w.canWrite(name, matchers) && (w.Alert == "" || w.maySpeak(matchers)) {
			out = out.or(w.passes(f.of[w]))
		}
	}
	return out
}

// maySpeak reports whether an alert may have the check_name that matchers of ALERTS ask for: by its labels or, as far as
// the expression shows, by those of its series.
func (it *item) maySpeak(matchers []*labels.Matcher) bool {
	if it.Labels.Has("check_name") || expr.Mentions(it.expr, "check_name") {
		return true
	}
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.Name == "check_name" && !m.Matches("") })
}
