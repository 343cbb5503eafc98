package store

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// An hour of samples every 5 s for 5,000 series is what the benchmarks work on.
const (
	benchSeries   = 5000
	benchInterval = 5000 // ms
	benchHour     = 720  // samples
)

// bench is a store with a writer.
type bench struct {
	store  *Store
	labels []labels.Labels
	refs   []Ref
	t      int64
}

func newBench(b testing.TB, series int) *bench {
	x := &bench{store: newStore(b, time.Hour, series), refs: make([]Ref, series)}
	for i := range series {
		x.labels = append(x.labels, labels.FromStrings(model.MetricNameLabel, "x",
			"check_name", fmt.Sprintf("check-%d", i), "component", fmt.Sprintf("component-%d", i%10)))
	}
	return x
}

// tick appends one sample to every series.
func (x *bench) tick(b testing.TB) {
	x.t += benchInterval
	for i, l := range x.labels {
		ref, err := x.store.Append(x.refs[i], l, x.t, float64(i)+float64(x.t))
		if err != nil {
			b.Fatal(err)
		}
		x.refs[i] = ref
	}
}

func filled(b testing.TB, series, samples int) *bench {
	x := newBench(b, series)
	for range samples {
		x.tick(b)
	}
	return x
}

// BenchmarkAppend is one evaluation's worth of samples by ref: 5,000 series, retention reached.
func BenchmarkAppend(b *testing.B) {
	x := filled(b, benchSeries, benchHour)
	b.ReportAllocs()
	for b.Loop() {
		x.tick(b)
	}
}

// BenchmarkAppendByLabels is the same without refs.
func BenchmarkAppendByLabels(b *testing.B) {
	x := filled(b, benchSeries, benchHour)
	b.ReportAllocs()
	for b.Loop() {
		clear(x.refs)
		x.tick(b)
	}
}

// BenchmarkGrow fills the store for an hour and reports the slowest tick beside the mean: growth must not stall.
func BenchmarkGrow(b *testing.B) {
	for _, series := range []int{benchSeries, 50_000} {
		b.Run(fmt.Sprint(series), func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				x := newBench(b, series)
				for range benchHour {
					start := time.Now()
					x.tick(b)
					slowest = max(slowest, time.Since(start))
				}
			}
			b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-tick-ms")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N)/benchHour, "mean-tick-ms")
		})
	}
}

// BenchmarkMemory reports what a series occupies, labels and index included: with one sample, and with an hour's.
func BenchmarkMemory(b *testing.B) {
	for _, samples := range []int{1, 2 * benchHour} {
		b.Run(fmt.Sprint(min(samples, benchHour)), func(b *testing.B) {
			var used uint64
			for b.Loop() {
				before := heap()
				x := filled(b, benchSeries, samples)
				x.labels, x.refs = nil, nil
				used = heap() - before
				runtime.KeepAlive(x)
			}
			b.ReportMetric(float64(used)/benchSeries, "B/series")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSelect picks all 5,000 series of a name, a tenth by a second label, and by a regular expression.
func BenchmarkSelect(b *testing.B) {
	x := filled(b, benchSeries, benchHour)
	name := matcher(labels.MatchEqual, model.MetricNameLabel, "x")
	for _, bb := range []struct {
		name     string
		matchers []*labels.Matcher
	}{
		{"name", []*labels.Matcher{name}},
		{"component", []*labels.Matcher{name, matcher(labels.MatchEqual, "component", "component-3")}},
		{"regexp", []*labels.Matcher{name, matcher(labels.MatchRegexp, "check_name", "check-1.+")}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			hints := &storage.SelectHints{Start: x.t - 300_000, End: x.t, Range: 300_000}
			for b.Loop() {
				q, err := x.store.Querier(0, x.t)
				if err != nil {
					b.Fatal(err)
				}
				set := q.Select(b.Context(), false, hints, bb.matchers...)
				found := 0
				for set.Next() {
					found++
				}
				if found == 0 {
					b.Fatal("found nothing")
				}
			}
		})
	}
}

// BenchmarkQuery is the engine on top.
func BenchmarkQuery(b *testing.B) {
	x := filled(b, benchSeries, benchHour)
	for _, expr := range []string{"x > 0.9", "avg_over_time(x[5m])", "sum by (component) (x)", "rate(x[1h])"} {
		b.Run(expr, func(b *testing.B) {
			b.ReportAllocs()
			e := newEngine(b)
			for b.Loop() {
				e.instant(x.store, expr, x.t)
			}
		})
		b.Run(expr+" without hints", func(b *testing.B) {
			b.ReportAllocs()
			e := newEngine(b)
			for b.Loop() {
				e.instant(hintless{x.store}, expr, x.t)
			}
		})
	}
}
