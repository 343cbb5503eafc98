package store

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

var stale = math.Float64frombits(value.StaleNaN)

// A value takes the place of a stale marker of the same time, and whoever selected the marker still sees it.
func TestValueReplacesMarker(t *testing.T) {
	s := newStore(t, time.Minute, 1)
	x := named("x")
	ref, _ := s.Append(0, x, 1000, 1)
	if _, err := s.Append(ref, x, 2000, stale); err != nil {
		t.Fatal(err)
	}
	q, _ := s.Querier(0, 5000)
	before := expand(t, q.Select(t.Context(), false, nil, matcher(labels.MatchEqual, model.MetricNameLabel, "x")))
	if _, err := s.Append(ref, x, 2000, 7); err != nil {
		t.Fatalf("a value in the place of a marker: %v", err)
	}
	if _, err := s.Append(ref, x, 2000, stale); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a marker in the place of a value: %v, want ErrDuplicate", err)
	}
	one := naiveSample{1000, math.Float64bits(1)}
	if d := cmp.Diff([]answer{{x.String(), []naiveSample{one, {2000, value.StaleNaN}}}}, readAll(before)); d != "" {
		t.Errorf("selected before (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]answer{{x.String(), []naiveSample{one, {2000, math.Float64bits(7)}}}}, everything(t, s)); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
	if series, samples := s.Stats(); series != 1 || samples != 2 {
		t.Errorf("%d series with %d samples, want 1 with 2", series, samples)
	}
}

func TestAppendAt(t *testing.T) {
	const now = 1_000_000
	for _, tt := range []struct {
		name string
		t    int64
		want error
		kept int // samples, with one of each second of the last minute before
	}{
		{"the present", now, nil, 61},
		{"the past, newer than the last", now - 500, nil, 61},
		{"ahead: what can be read now stays", now + 600_000, nil, 61},
		{"older than the last", now - 1001, ErrOutOfOrder, 60},
		{"older than retention", now - 60_001, ErrOutOfBounds, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, time.Minute, 1)
			x := named("x")
			for i := range int64(60) {
				if _, err := s.Append(0, x, now-60_000+i*1000, 1); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.AppendAt(0, x, tt.t, 2, now); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			if _, got := s.Stats(); got != tt.kept {
				t.Errorf("%d samples, want %d", got, tt.kept)
			}
		})
	}
	t.Run("too old for a new series", func(t *testing.T) {
		s := newStore(t, time.Minute, 1)
		if ref, err := s.AppendAt(0, named("x"), now-60_001, 1, now); !errors.Is(err, ErrOutOfBounds) || ref != 0 {
			t.Errorf("ref %d, error %v", ref, err)
		}
		if n, _ := s.Stats(); n != 0 {
			t.Errorf("%d series", n)
		}
	})
}

// A Write is all or nothing.
func TestWrite(t *testing.T) {
	errAny := errors.New("any")
	for _, tt := range []struct {
		name    string
		limit   int
		entries []Entry
		want    error   // errAny: whichever
		x       float64 // at the time of the write
		series  int
	}{
		{"one that is there", 1, []Entry{{Labels: named("x"), Value: 2}}, nil, 2, 2},
		{"room for one", 3, []Entry{{Labels: named("x"), Value: 2}, {Labels: named("z"), Value: 1}}, nil, 2, 3},
		{"no room: nothing is written", 2, []Entry{{Labels: named("x"), Value: 2}, {Labels: named("z"), Value: 1}}, ErrSeriesLimit, 1, 2},
		{"room for one of two", 3, []Entry{{Labels: named("z"), Value: 1}, {Labels: named("w"), Value: 1}}, ErrSeriesLimit, 1, 2},
		{"the store's own limit", 99, []Entry{{Labels: named("a")}, {Labels: named("b")}, {Labels: named("c")}}, ErrSeriesLimit, 1, 2},
		{"another value at the time", 4, []Entry{{Labels: named("x"), Value: 2}, {Labels: named("y"), Value: 2}}, ErrDuplicate, 1, 2},
		{"that yields", 4, []Entry{{Labels: named("x"), Value: 2}, {Labels: named("y"), Value: 2, Yields: true}}, nil, 2, 2},
		{"the same value", 4, []Entry{{Labels: named("x"), Value: 2}, {Labels: named("y"), Value: 1}}, nil, 2, 2},
		{"no labels", 4, []Entry{{Labels: named("x"), Value: 2}, {Labels: labels.EmptyLabels()}}, errAny, 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, time.Minute, 4)
			_, _ = s.Append(0, named("x"), 1000, 1)
			_, _ = s.Append(0, named("y"), 2000, 1)
			err := s.Write(2000, tt.limit, tt.entries)
			if err == nil && tt.want != nil || !errors.Is(err, tt.want) && !errors.Is(tt.want, errAny) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			s.Latest("x", 2000, func(_ labels.Labels, v float64) {
				if v != tt.x {
					t.Errorf("x is %v, want %v", v, tt.x)
				}
			})
			if n, _ := s.Stats(); n != tt.series {
				t.Errorf("%d series, want %d", n, tt.series)
			}
			for _, e := range tt.entries {
				if err == nil && e.Ref == 0 {
					t.Errorf("no ref for %s", e.Labels)
				}
			}
		})
	}
}
