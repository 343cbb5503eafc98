package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Series whose labels have the same hash are told apart, in whatever order they go.
func TestHashCollision(t *testing.T) {
	all := []labels.Labels{named("a"), named("b"), named("c")}
	for _, gone := range []string{"a", "b", "c"} {
		t.Run("without "+gone, func(t *testing.T) {
			x := newIndex()
			for _, l := range all {
				x.add(7, l)
			}
			x.remove(func(s *series) bool { return labels.Equal(s.labels, named(gone)) })
			for _, l := range append(all, named("d")) {
				s := x.byLabels(7, l)
				want := l.Get(model.MetricNameLabel) != gone && l.Get(model.MetricNameLabel) != "d"
				if (s != nil) != want {
					t.Errorf("%s: found %v, want %v", l, s != nil, want)
				}
				if s != nil && !labels.Equal(s.labels, l) {
					t.Errorf("%s: found %s", l, s.labels)
				}
			}
		})
	}
}

// What is collected leaves nothing behind in the index.
func TestRemoveLeavesNothing(t *testing.T) {
	x := newIndex()
	for _, l := range []labels.Labels{named("a"), labels.FromStrings("a", "b"), labels.FromStrings("a", "b", "c", "d")} {
		x.add(l.Hash(), l)
	}
	if n := x.remove(func(*series) bool { return true }); n != 3 {
		t.Errorf("removed %d, want 3", n)
	}
	if x.len() != 0 || len(x.hashes) != 0 || len(x.postings) != 0 {
		t.Errorf("left: %d series, %v, %v", x.len(), x.hashes, x.postings)
	}
}

// The matcher that narrows most picks the candidates; the others are left to be tried on them.
func TestCandidates(t *testing.T) {
	x := newIndex()
	for _, l := range []labels.Labels{
		labels.FromStrings(model.MetricNameLabel, "x", "a", "1"),
		labels.FromStrings(model.MetricNameLabel, "x", "a", "2"),
		labels.FromStrings(model.MetricNameLabel, "y", "a", "2"),
		labels.FromStrings(model.MetricNameLabel, "y"),
	} {
		x.add(l.Hash(), l)
	}
	eq, ne, re := labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp
	for _, tt := range []struct {
		name       string
		ms         []*labels.Matcher
		candidates int
		rest       int
	}{
		{"no matcher", nil, 4, 0},
		{"one value", []*labels.Matcher{matcher(eq, "a", "2")}, 2, 0},
		{"the rarer value", []*labels.Matcher{matcher(eq, model.MetricNameLabel, "x"), matcher(eq, "a", "1")}, 1, 1},
		{"unknown value", []*labels.Matcher{matcher(eq, model.MetricNameLabel, "x"), matcher(eq, "a", "3")}, 0, 1},
		{"no such label", []*labels.Matcher{matcher(eq, "z", "")}, 4, 1},
		{"values by expression", []*labels.Matcher{matcher(re, "a", "1|2")}, 3, 0},
		{"expression that matches the empty value", []*labels.Matcher{matcher(re, "a", "|1")}, 4, 1},
		{"any value", []*labels.Matcher{matcher(ne, "a", "")}, 3, 0},
		{"any other value", []*labels.Matcher{matcher(ne, "a", "1")}, 4, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, rest := x.candidates(tt.ms)
			if d := cmp.Diff([2]int{tt.candidates, tt.rest}, [2]int{len(found), len(rest)}); d != "" {
				t.Errorf("candidates and matchers left (-want +got):\n%s", d)
			}
		})
	}
}
