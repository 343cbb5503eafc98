// Package flow follows labels through rules: which of the labels that matter the series of a rule may have, and which rule or
// which part of its expression sets them.
package flow

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// presence says in which ways the series of a result have a label. No way at all: the result is always empty.
type presence uint8

const (
	present presence = 1 << iota
	missing
)

// Origin is where a label comes from.
type Origin struct {
	Rule  int    // that sets the label: its index among the rules of Trace
	By    string // the part of the rule's expression that sets the label; empty: the labels of the rule
	Label string
	Fix   string
}

// How many labels are followed. The first targets of them belong to a server.
const traced, targets = 5, 2

func tracedLabels() [traced]string {
	return [traced]string{model.JobLabel, model.InstanceLabel, "depends_on", "action", "holds"}
}

// TargetLabels lists the labels that tell the targets of a server apart. Series have neither here, since there is one
// target; the shipped rules join by both, so that they work on a server too.
func TargetLabels() []string {
	names := tracedLabels()
	return names[:targets]
}

// DeclaredLabels lists the labels that decide what an alert does: mask, act or hold back.
func DeclaredLabels() []string {
	names := tracedLabels()
	return names[targets:]
}

// index is where a label stands among tracedLabels, -1 if it is not followed.
func index(label string) int {
	names := tracedLabels()
	return slices.Index(names[:], label)
}

// Flow is what a result may carry, for each of the labels that are followed.
type Flow struct {
	ways [traced]presence
	from [traced]*Origin // of present; nil: it is measured
}

// without is the flow of a result that carries none of the labels.
func without() Flow {
	var f Flow
	for i := range f.ways {
		f.ways[i] = missing
	}
	return f
}

// measuredFlow is the flow of measured series. A metric's own labels of the names of TargetLabels are renamed; it may have
// any other.
func measuredFlow() Flow {
	f := without()
	for i := targets; i < traced; i++ {
		f.ways[i] |= present
	}
	return f
}

// Empty reports whether the result never has a series.
func (f Flow) Empty() bool { return slices.Contains(f.ways[:], 0) }

// May reports whether series of the result may have a label of TargetLabels or DeclaredLabels.
func (f Flow) May(label string) bool {
	i := index(label)
	return i >= 0 && f.ways[i]&present != 0
}

// From returns where such a label comes from, nil if it is measured or there is none.
func (f Flow) From(label string) *Origin {
	i := index(label)
	if i < 0 {
		return nil
	}
	return f.from[i]
}

// carries reports whether an expression or a rule gives any series of the result one of the labels.
func (f Flow) carries() bool {
	for i := range f.ways {
		if f.ways[i]&present != 0 && f.from[i] != nil {
			return true
		}
	}
	return false
}

// carriesTarget is carries for TargetLabels alone.
func (f Flow) carriesTarget() bool { return (f.ways[0]|f.ways[1])&present != 0 }

// same reports whether two flows say the same, whichever rule a label comes from.
func (f Flow) same(g Flow) bool {
	for i := range f.from {
		if (f.from[i] == nil) != (g.from[i] == nil) {
			return false
		}
	}
	return f.ways == g.ways
}

// or is the flow of a result with the series of both.
func (f Flow) or(g Flow) Flow {
	switch {
	case f.Empty():
		return g
	case g.Empty():
		return f
	}
	for i := range f.ways {
		f.ways[i] |= g.ways[i]
		if f.from[i] == nil {
			f.from[i] = g.from[i]
		}
	}
	return f
}

// set returns f with one label as a construct sets it.
func (f Flow) set(i int, p presence, o *Origin) Flow {
	if f.Empty() {
		return f
	}
	f.ways[i], f.from[i] = p, nil
	if p&present != 0 {
		f.from[i] = o
	}
	return f
}

// matched narrows the flow of a selector's candidates to what its matchers let through.
func (f Flow) matched(matchers []*labels.Matcher) Flow {
	for i, name := range tracedLabels() {
		for _, m := range matchers {
			if m.Name != name {
				continue
			}
			if !m.Matches("") {
				f.ways[i] &^= missing
			} else if m.Type == labels.MatchEqual {
				f.ways[i] &^= present
			}
		}
	}
	if f.Empty() {
		return Flow{}
	}
	return f
}
