package store

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

func TestNewChecksOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"no retention", Options{MaxSeries: 1}, "create store: retention is 0s, it must be positive"},
		{
			"negative retention",
			Options{Retention: -time.Second, MaxSeries: 1},
			"create store: retention is -1s, it must be positive",
		},
		{"no limit", Options{Retention: time.Hour}, "create store: series limit is 0, it must be positive"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := New(tt.o)
			if err == nil || err.Error() != tt.want || s != nil {
				t.Errorf("got %v, %v, want error %q", s, err, tt.want)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	nan := math.Float64frombits(value.StaleNaN)
	for _, tt := range []struct {
		name string
		t    int64
		v    float64
		want error
		kept []naiveSample
	}{
		{"newer", 2000, 2, nil, []naiveSample{{1000, math.Float64bits(1)}, {2000, math.Float64bits(2)}}},
		{"stale marker", 2000, nan, nil, []naiveSample{{1000, math.Float64bits(1)}, {2000, value.StaleNaN}}},
		{"the same again", 1000, 1, nil, []naiveSample{{1000, math.Float64bits(1)}}},
		{"another value", 1000, 2, ErrDuplicate, []naiveSample{{1000, math.Float64bits(1)}}},
		{"stale marker on a value", 1000, nan, ErrDuplicate, []naiveSample{{1000, math.Float64bits(1)}}},
		{"the stale marker twice", 2000, nan, nil, []naiveSample{{1000, math.Float64bits(1)}, {2000, value.StaleNaN}}},
		{"older", 999, 1, ErrOutOfOrder, []naiveSample{{1000, math.Float64bits(1)}}},
		{
			"at the edge of retention", 61_000, 2, nil,
			[]naiveSample{{1000, math.Float64bits(1)}, {61_000, math.Float64bits(2)}},
		},
		{"beyond retention", 61_001, 2, nil, []naiveSample{{61_001, math.Float64bits(2)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, time.Minute, 1)
			x := named("x")
			ref, err := s.Append(0, x, 1000, 1)
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.Append(ref, x, tt.t, tt.v)
			if !errors.Is(err, tt.want) || again != ref {
				t.Errorf("got ref %d, error %v, want %d, %v", again, err, ref, tt.want)
			}
			want := []answer{{x.String(), tt.kept}}
			if d := cmp.Diff(want, everything(t, s)); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
		})
	}
}

func TestAppendRefusesLabels(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		l          labels.Labels
	}{
		{"none", "append sample: the series has no labels", labels.EmptyLabels()},
		{"all empty", "append sample: the series has no labels", labels.FromStrings("a", "")},
		{"twice", `append sample: the series has the label "a" twice`, labels.New(
			labels.Label{Name: "a", Value: "1"}, labels.Label{Name: "a", Value: "2"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, time.Minute, 1)
			if _, err := s.Append(0, tt.l, 1, 1); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if n, _ := s.Stats(); n != 0 {
				t.Errorf("%d series after a refusal", n)
			}
		})
	}
}

func TestEmptyLabelIsNoLabel(t *testing.T) {
	s := newStore(t, time.Minute, 2)
	a, _ := s.Append(0, labels.FromStrings(model.MetricNameLabel, "x", "a", ""), 1, 1)
	b, err := s.Append(0, named("x"), 2, 2)
	if a != b || err != nil {
		t.Errorf("two series for one: %d, %d, %v", a, b, err)
	}
}

// Over the limit known series go on, new ones are refused until GC has made room.
func TestSeriesLimit(t *testing.T) {
	s := newStore(t, time.Minute, 2)
	x, _ := s.Append(0, named("x"), 1000, 1)
	if _, err := s.Append(0, named("y"), 2000, 1); err != nil {
		t.Fatal(err)
	}
	if ref, err := s.Append(0, named("z"), 2000, 1); !errors.Is(err, ErrSeriesLimit) || ref != 0 {
		t.Fatalf("third of two series: ref %d, error %v", ref, err)
	}
	if _, err := s.Append(x, named("x"), 3000, 2); err != nil {
		t.Fatalf("known series at the limit: %v", err)
	}
	if n := s.GC(2001); n != 1 {
		t.Fatalf("GC dropped %d series, want y alone", n)
	}
	if _, err := s.Append(0, named("z"), 3000, 1); err != nil {
		t.Fatalf("new series after GC: %v", err)
	}
	if series, samples := s.Stats(); series != 2 || samples != 3 {
		t.Errorf("%d series with %d samples, want 2 with 3", series, samples)
	}
}

// A Ref whose series was collected leads to the labels, also when its place was taken by another series.
func TestRefOfCollectedSeries(t *testing.T) {
	s := newStore(t, time.Minute, 2)
	x, _ := s.Append(0, named("x"), 1000, 1)
	s.GC(2000)
	y, _ := s.Append(0, named("y"), 2000, 7)
	again, err := s.Append(x, named("x"), 3000, 2)
	if err != nil || again == x || again == y {
		t.Fatalf("ref %d after %d and %d, error %v", again, x, y, err)
	}
	want := []answer{
		{named("x").String(), []naiveSample{{3000, math.Float64bits(2)}}},
		{named("y").String(), []naiveSample{{2000, math.Float64bits(7)}}},
	}
	if d := cmp.Diff(want, everything(t, s)); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
	if ref, err := s.Append(1<<40, named("x"), 4000, 2); ref != again || err != nil {
		t.Errorf("made-up ref: got %d, %v, want %d", ref, err, again)
	}
}

func TestSetRetention(t *testing.T) {
	s := newStore(t, time.Minute, 1)
	var ref Ref
	for i := range int64(10) {
		ref, _ = s.Append(ref, named("x"), i*1000, 1)
	}
	for _, tt := range []struct {
		d    time.Duration
		want int // samples after one more, a second later
	}{{3 * time.Second, 4}, {time.Minute, 5}, {0, 1}, {-time.Second, 1}} {
		s.SetRetention(tt.d)
		last := s.index.byRef(ref).newest().t
		if _, err := s.Append(ref, named("x"), last+1000, 1); err != nil {
			t.Fatal(err)
		}
		if _, got := s.Stats(); got != tt.want {
			t.Errorf("retention %s: %d samples, want %d", tt.d, got, tt.want)
		}
	}
}

func TestLatest(t *testing.T) {
	s := newStore(t, time.Hour, 10)
	const now = lookback + 1000
	at := func(l labels.Labels, t int64, v float64) { _, _ = s.Append(0, l, t, v) }
	x := func(a string) labels.Labels { return labels.FromStrings(model.MetricNameLabel, "x", "a", a) }
	at(x("now"), 1000, 1)
	at(x("now"), now, 2)
	at(x("before"), now-1000, 1)
	at(x("at the edge of the lookback"), 1000, 1)
	at(x("within the lookback"), 1001, 1)
	at(x("stale"), now-1000, 1)
	at(x("stale"), now, math.Float64frombits(value.StaleNaN))
	at(x("nan"), now, math.NaN())
	at(x("newer"), now, 4)
	at(x("newer"), now+1000, 5)
	at(x("only newer"), now+1000, 5)
	at(named("y"), now, 1)
	var got []string
	s.Latest("x", now, func(l labels.Labels, v float64) {
		got = append(got, l.Get("a")+" "+model.SampleValue(v).String())
	})
	if d := cmp.Diff([]string{"now 2", "before 1", "within the lookback 1", "nan NaN", "newer 4"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A querier holds no lock: the goroutine that opened some may write, open more, and read what it selected before.
func TestOpenQueriersBlockNobody(t *testing.T) {
	s := newStore(t, time.Minute, 10)
	ref, _ := s.Append(0, named("x"), 1000, 1)
	q, _ := s.Querier(0, 5000)
	before := expand(t, q.Select(t.Context(), false, nil, matcher(labels.MatchEqual, model.MetricNameLabel, "x")))
	if _, err := s.Append(ref, named("x"), 2000, 2); err != nil {
		t.Fatal(err)
	}
	nested, _ := s.Querier(0, 5000)
	s.GC(9000)
	if got := readAll(before); len(got) != 1 || len(got[0].Samples) != 1 {
		t.Errorf("selected before: %v, want the one sample there was", got)
	}
	if err := errors.Join(nested.Close(), q.Close()); err != nil {
		t.Error(err)
	}
}

func TestSelectOfCanceledQuery(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q, _ := newStore(t, time.Minute, 10).Querier(0, 1)
	if err := q.Select(ctx, false, nil).Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func named(name string) labels.Labels { return labels.FromStrings(model.MetricNameLabel, name) }

func everything(t *testing.T, s *Store) []answer {
	t.Helper()
	q, err := s.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(expand(t, q.Select(t.Context(), true, nil)))
}
