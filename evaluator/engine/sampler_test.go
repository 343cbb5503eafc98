package engine

import (
	"context"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/store"
)

// query evaluates expr at t (ms) and returns label set text to value.
func query(t *testing.T, st *store.Store, expr string, at int64) map[string]float64 {
	t.Helper()
	v, err := newQuerier(st, log.NewNopLogger()).Instant(context.Background(), expr, time.UnixMilli(at), 0)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	out := map[string]float64{}
	for _, s := range v {
		name := s.Metric.Get(labels.MetricName)
		out[name+s.Metric.DropMetricName().String()] = s.F
	}
	return out
}

func gather(t *testing.T, s *sampler, g prometheus.Gatherer, at int64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.sample(families, Stamp{Steady: at, Wall: time.UnixMilli(at)}); err != nil {
		t.Fatal(err)
	}
}

func TestSamplerKinds(t *testing.T) {
	st, _ := store.New(store.Options{Retention: time.Hour, MaxSeries: 100})
	reg := prometheus.NewPedanticRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total", Help: "h"}, []string{"z", "a"})
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "g", Help: "h"})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "h_seconds", Help: "h", Buckets: []float64{0.5, 1, 2}, NativeHistogramBucketFactor: 1.1,
	})
	s := prometheus.NewSummary(prometheus.SummaryOpts{Name: "s", Help: "h", Objectives: map[float64]float64{0.5: 0.1}})
	reg.MustRegister(c, g, h, s)
	c.WithLabelValues("", "y").Add(3)
	g.Set(-1.5)
	for _, v := range []float64{0.1, 0.7, 1.5, 100} {
		h.Observe(v)
		s.Observe(v)
	}
	gather(t, newSampler(&Engine{Store: st}), reg, 1000)
	for expr, want := range map[string]map[string]float64{
		"c_total": {`c_total{a="y"}`: 3}, // an empty label is no label
		"g":       {`g{}`: -1.5},
		"h_seconds_bucket": {
			`h_seconds_bucket{le="0.5"}`: 1, `h_seconds_bucket{le="1.0"}`: 2, `h_seconds_bucket{le="2.0"}`: 3,
			`h_seconds_bucket{le="+Inf"}`: 4,
		},
		"h_seconds_count":            {`h_seconds_count{}`: 4},
		"s_count":                    {`s_count{}`: 4},
		`s{quantile="0.5"} > bool 0`: {`{quantile="0.5"}`: 1},
	} {
		if d := cmp.Diff(want, query(t, st, expr, 1000)); d != "" {
			t.Errorf("%s (-want +got):\n%s", expr, d)
		}
	}
}

func TestSamplerMarksWhatVanished(t *testing.T) {
	st, _ := store.New(store.Options{Retention: time.Hour, MaxSeries: 100})
	reg := prometheus.NewRegistry()
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g", Help: "h"}, []string{"x"})
	reg.MustRegister(g)
	s := newSampler(&Engine{Store: st})
	g.WithLabelValues("stays").Set(1)
	g.WithLabelValues("goes").Set(1)
	gather(t, s, reg, 1000)
	g.DeleteLabelValues("goes")
	gather(t, s, reg, 2000)
	if d := cmp.Diff(map[string]float64{`g{x="stays"}`: 1}, query(t, st, "g", 2000)); d != "" {
		t.Errorf("after one vanished (-want +got):\n%s", d)
	}
	g.WithLabelValues("goes").Set(2)
	gather(t, s, reg, 3000)
	if d := cmp.Diff(map[string]float64{`g{x="stays"}`: 1, `g{x="goes"}`: 2}, query(t, st, "g", 3000)); d != "" {
		t.Errorf("after it came back (-want +got):\n%s", d)
	}
}

func TestSamplerRefusesNewSeriesAtTheBound(t *testing.T) {
	st, _ := store.New(store.Options{Retention: time.Hour, MaxSeries: 100})
	reg := prometheus.NewRegistry()
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g", Help: "h"}, []string{"x"})
	reg.MustRegister(g)
	s := newSampler(&Engine{Store: st, room: &Room{Max: 100, Kept: [Classes]int{Shipped: 98}}})
	g.WithLabelValues("a").Set(1)
	g.WithLabelValues("b").Set(1)
	gather(t, s, reg, 1000)
	g.WithLabelValues("0").Set(7) // sorts before the known ones
	g.WithLabelValues("c").Set(7)
	g.WithLabelValues("a").Set(2)
	gather(t, s, reg, 2000)
	if s.refused != 2 {
		t.Errorf("refused %d samples, want 2", s.refused)
	}
	if d := cmp.Diff(map[string]float64{`g{x="a"}`: 2, `g{x="b"}`: 1}, query(t, st, "g", 2000)); d != "" {
		t.Errorf("known series must go on (-want +got):\n%s", d)
	}
	if _, err := st.Append(0, failingLabels("g"), 2000, 0); err != nil {
		t.Errorf("rules must still find room: %v", err)
	}
}
