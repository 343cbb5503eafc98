package store

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// engineStore holds samples every 5 s from 5 s to 600 s. x{i="a"} counts 10 each time, x{i="b"} does so too and ends
// without a word at 300 s, x{i="c"} ends with a stale marker at 400 s. y{i="a"} is constant.
func engineStore(t testing.TB) *Store {
	s := newStore(t, time.Hour, 10)
	add := func(name, i string, at int64, v float64) {
		l := labels.FromStrings(model.MetricNameLabel, name, "i", i)
		if _, err := s.Append(0, l, at*1000, v); err != nil {
			t.Fatal(err)
		}
	}
	for at := int64(5); at <= 600; at += 5 {
		v := float64(2 * at)
		add("x", "a", at, v)
		if at <= 300 {
			add("x", "b", at, v)
		}
		if at < 400 {
			add("x", "c", at, v)
		} else if at == 400 {
			add("x", "c", at, math.Float64frombits(value.StaleNaN))
		}
		add("y", "a", at, 7)
	}
	return s
}

// byLabel reduces a vector to values by name and label i.
func byLabel(v promql.Vector) map[string]float64 {
	m := map[string]float64{}
	for _, s := range v {
		m[s.Metric.Get(model.MetricNameLabel)+" "+s.Metric.Get("i")] = s.F
	}
	return m
}

func TestInstantQueries(t *testing.T) {
	s, e := engineStore(t), newEngine(t)
	for _, tt := range []struct {
		name string
		expr string
		at   int64 // ms
		want map[string]float64
	}{
		{"newest sample", `x{i="a"}`, 602_000, map[string]float64{"x a": 1200}},
		{"not the one after", `x{i="a"}`, 599_999, map[string]float64{"x a": 1190}},
		{"stale by marker, and by age of 5 m", `x`, 600_000, map[string]float64{"x a": 1200}},
		{"a moment before 5 m", `x`, 599_999, map[string]float64{"x a": 1190, "x b": 600}},
		{"before the marker", `x`, 399_999, map[string]float64{"x a": 790, "x b": 600, "x c": 790}},
		{"before all", `x`, 4_999, map[string]float64{}},
		{"offset", `x offset 5m`, 600_000, map[string]float64{"x a": 600, "x b": 600, "x c": 600}},
		{"negative offset", `x{i="a"} offset -1m`, 300_000, map[string]float64{"x a": 720}},
		{"at", `x{i!="c"} @ 100`, 600_000, map[string]float64{"x a": 200, "x b": 200}},
		{"several names", `{__name__=~"x|y", i="a"}`, 600_000, map[string]float64{"x a": 1200, "y a": 7}},
		{"missing label", `y{j=""}`, 600_000, map[string]float64{"y a": 7}},
		{"join", `x * on (i) y`, 600_000, map[string]float64{" a": 8400}},
		{"timestamp", `timestamp(x{i="a"})`, 602_000, map[string]float64{" a": 600}},
		{"absent", `absent(x{i="d"})`, 600_000, map[string]float64{" d": 1}},
		{"sum", `sum(x)`, 300_000, map[string]float64{" ": 1800}},
		{"average", `avg_over_time(x{i="a"}[1m])`, 600_000, map[string]float64{" a": 1145}},
		{"count, left-open", `count_over_time(x[1m])`, 300_000, map[string]float64{" a": 12, " b": 12, " c": 12}},
		{"a stale marker is no sample", `count_over_time(x{i="c"}[10m])`, 600_000, map[string]float64{" c": 79}},
		{"rate", `rate(x{i="a"}[1m])`, 600_000, map[string]float64{" a": 2}},
		{
			"range with offset", `max_over_time(x[1m] offset 5m)`, 600_000,
			map[string]float64{" a": 600, " b": 600, " c": 600},
		},
		{"range with at", `min_over_time(y[1m] @ 300)`, 600_000, map[string]float64{" a": 7}},
		{"subquery", `min_over_time(x{i="a"}[5m:1m])`, 600_000, map[string]float64{" a": 720}},
		{"subquery with offset", `sum_over_time(x{i="a"}[2m:30s] offset 1m)`, 600_000, map[string]float64{" a": 3960}},
		{"subquery over a rate", `max_over_time(rate(x{i="a"}[1m])[3m:1m])`, 600_000, map[string]float64{" a": 2}},
		{"subquery across a stale marker", `count_over_time(x{i="c"}[10m:1m])`, 600_000, map[string]float64{" c": 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, byLabel(e.instant(s, tt.expr, tt.at))); d != "" {
				t.Errorf("%s at %d (-want +got):\n%s", tt.expr, tt.at, d)
			}
			if d := cmp.Diff(tt.want, byLabel(e.instant(hintless{s}, tt.expr, tt.at))); d != "" {
				t.Errorf("%s at %d without hints (-want +got):\n%s", tt.expr, tt.at, d)
			}
		})
	}
}

func TestRangeQuery(t *testing.T) {
	s, e := engineStore(t), newEngine(t)
	q, err := e.NewRangeQuery(t.Context(), s, nil, `x{i=~"a|b"}`,
		time.UnixMilli(550_000), time.UnixMilli(625_000), 25*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	m, err := q.Exec(t.Context()).Matrix()
	if err != nil {
		t.Fatal(err)
	}
	want := promql.Matrix{
		{
			Metric: labels.FromStrings(model.MetricNameLabel, "x", "i", "a"),
			Floats: []promql.FPoint{{T: 550_000, F: 1100}, {T: 575_000, F: 1150}, {T: 600_000, F: 1200}, {T: 625_000, F: 1200}},
		},
		{
			Metric: labels.FromStrings(model.MetricNameLabel, "x", "i", "b"),
			Floats: []promql.FPoint{{T: 550_000, F: 600}, {T: 575_000, F: 600}},
		},
	}
	if got := m.String(); got != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// All through the store's life the hints change no result.
func TestHintsChangeNothing(t *testing.T) {
	s, e := engineStore(t), newEngine(t)
	for _, expr := range []string{
		`x`, `x offset 1m`, `x @ 310`, `x[2m:7s]`, `timestamp(x)`, `rate(x[20s])`,
		`sum_over_time(x[1m:13s]) + x`, `x unless y offset 3m`, `last_over_time(x[30s:5s] @ 402)`,
	} {
		for at := int64(1000); at < 1_000_000; at += 7_300 {
			want, got := e.text(hintless{s}, expr, at), e.text(s, expr, at)
			if want != got {
				t.Fatalf("%s at %d: %s with hints, %s without", expr, at, got, want)
			}
		}
	}
}

// Only a plain selector at one time gets by with the newest sample; everything else that looks like it gets all.
func TestNewestSampleAlone(t *testing.T) {
	const end = 600_000
	for _, tt := range []struct {
		name  string
		hints *storage.SelectHints
		want  int
	}{
		{"plain selector", &storage.SelectHints{Start: end - lookback + 1, End: end}, 1},
		{"subquery", &storage.SelectHints{Start: end - lookback + 1, End: end, Step: 60_000}, 60},
		{"range", &storage.SelectHints{Start: end - lookback + 1, End: end, Range: lookback}, 60},
		{"another width", &storage.SelectHints{Start: end - 60_000, End: end}, 13},
		{"smoothed", &storage.SelectHints{Start: end - 2*lookback + 1, End: end}, 120},
		{"no hints", nil, 120},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, _ := engineStore(t).Querier(0, end)
			name, i := matcher(labels.MatchEqual, model.MetricNameLabel, "x"), matcher(labels.MatchEqual, "i", "a")
			got := readAll(expand(t, q.Select(t.Context(), false, tt.hints, name, i)))
			if len(got) != 1 || len(got[0].Samples) != tt.want || got[0].Samples[tt.want-1].T != end {
				t.Errorf("got %v, want %d samples up to %d", got, tt.want, end)
			}
		})
	}
}
