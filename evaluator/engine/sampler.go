package engine

import (
	"errors"
	"fmt"
	"math"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"chorus/evaluator/store"
	"chorus/rules"
)

var staleNaN = math.Float64frombits(value.StaleNaN)

// sampler copies gathered metric families into the store: counters, gauges, untyped, summaries and the classic buckets
// of histograms, named as a scrape would name them. A series that was there and is gone gets a stale marker, unless its
// samples bring times of their own.
type sampler struct {
	engine   *Engine
	reserved map[string]bool // names that rules and the evaluator write: nobody else may
	series   map[string]*sampled
	round    uint64
	at       Stamp
	class    Class  // of the family at hand
	own      *int64 // the time that the metric at hand brings, wall ms

	key     []byte
	builder labels.ScratchBuilder
	bounds  map[float64]string // le and quantile as text

	refused int               // samples of the last round that found no room
	dropped map[string]uint64 // samples of the last round that the store does not take because of their time, by reason
}

// sampled is a series of the last round.
type sampled struct {
	class   Class
	ref     store.Ref
	lset    labels.Labels
	round   uint64 // when it was last seen
	stamped bool   // its last sample brought a time of its own, and these:
	own     int64  // wall ms
	value   float64
}

// maxBounds keeps the text cache from growing with bounds that change all the time.
const maxBounds = 10_000

func newSampler(e *Engine) *sampler {
	reserved := map[string]bool{alertsName: true, forStateName: true, RuleFailing: true}
	for _, n := range rules.Names() {
		if n.Source == rules.SourceRecorded {
			reserved[n.Name] = true
		}
	}
	return &sampler{
		engine: e, reserved: reserved, series: map[string]*sampled{}, bounds: map[float64]string{},
		builder: labels.NewScratchBuilder(8), dropped: map[string]uint64{},
	}
}

// sample appends every family at t and marks what vanished. The error is the first one that is not about room.
func (s *sampler) sample(families []*dto.MetricFamily, t Stamp) error {
	s.round++
	s.at = t
	s.refused = 0
	clear(s.dropped)
	var first error
	keep := func(err error) {
		if errors.Is(err, store.ErrSeriesLimit) {
			s.refused++
		} else if err != nil && first == nil {
			first = err
		}
	}
	for _, f := range families {
		if s.reserved[f.GetName()] {
			keep(fmt.Errorf("%s is gathered, but only rules may write it: measure under another name", f.GetName()))
			continue
		}
		s.class = measuredClass(f.GetName())
		for _, m := range f.Metric {
			s.own = m.TimestampMs
			s.metric(f, m, keep)
		}
	}
	for k, e := range s.series {
		if e.round == s.round {
			continue
		}
		if !e.stamped { // refused where its samples have begun to bring newer times of their own
			_, _ = s.engine.Store.Append(e.ref, e.lset, t.Steady, staleNaN)
		}
		delete(s.series, k)
		s.engine.room.wrote(e.class, -1)
	}
	return first
}

func (s *sampler) metric(f *dto.MetricFamily, m *dto.Metric, keep func(error)) {
	name := f.GetName()
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		keep(s.append(name, "", m.Label, "", "", m.GetCounter().GetValue()))
	case dto.MetricType_GAUGE:
		keep(s.append(name, "", m.Label, "", "", m.GetGauge().GetValue()))
	case dto.MetricType_UNTYPED:
		keep(s.append(name, "", m.Label, "", "", m.GetUntyped().GetValue()))
	case dto.MetricType_SUMMARY:
		sum := m.GetSummary()
		for _, q := range sum.Quantile {
			keep(s.append(name, "", m.Label, "quantile", s.bound(q.GetQuantile()), q.GetValue()))
		}
		keep(s.append(name, "_sum", m.Label, "", "", sum.GetSampleSum()))
		keep(s.append(name, "_count", m.Label, "", "", float64(sum.GetSampleCount())))
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		s.histogram(name, m, keep)
	}
}

// histogram keeps the classic form. A histogram that is native only has count and sum, and an +Inf bucket.
func (s *sampler) histogram(name string, m *dto.Metric, keep func(error)) {
	h := m.GetHistogram()
	count := float64(h.GetSampleCount())
	if c := h.GetSampleCountFloat(); c > 0 {
		count = c
	}
	inf := false
	for _, b := range h.Bucket {
		inf = inf || math.IsInf(b.GetUpperBound(), 1)
		n := float64(b.GetCumulativeCount())
		if c := b.GetCumulativeCountFloat(); c > 0 {
			n = c
		}
		keep(s.append(name, "_bucket", m.Label, labels.BucketLabel, s.bound(b.GetUpperBound()), n))
	}
	if !inf {
		keep(s.append(name, "_bucket", m.Label, labels.BucketLabel, "+Inf", count))
	}
	keep(s.append(name, "_sum", m.Label, "", "", h.GetSampleSum()))
	keep(s.append(name, "_count", m.Label, "", "", count))
}

func (s *sampler) append(name, suffix string, pairs []*dto.LabelPair, extra, extraValue string, v float64) error {
	k := append(append(s.key[:0], name...), suffix...)
	for _, p := range pairs {
		k = append(append(append(append(k, 0xff), p.GetName()...), 0xfe), p.GetValue()...)
	}
	if extra != "" {
		k = append(append(append(append(k, 0xff), extra...), 0xfe), extraValue...)
	}
	s.key = k
	e, ok := s.series[string(k)]
	if !ok {
		if n, _ := s.engine.Store.Stats(); n >= s.engine.room.Limit(s.class) {
			return store.ErrSeriesLimit
		}
		e = &sampled{class: s.class, lset: s.labels(name+suffix, pairs, extra, extraValue)}
	}
	if s.own != nil {
		if taken, err := s.appendStamped(e, v); err != nil || !taken {
			return err
		}
	} else if err := s.appendNow(e, v); err != nil {
		return err
	}
	if !ok {
		s.series[string(k)] = e
		s.engine.room.wrote(s.class, 1)
	}
	return nil
}

// appendNow appends a sample of this moment. That it can't be stored is an error: the store knows something newer.
func (s *sampler) appendNow(e *sampled, v float64) error {
	ref, err := s.engine.Store.Append(e.ref, e.lset, s.at.Steady, v)
	if err == nil {
		e.ref, e.round, e.stamped = ref, s.round, false
		return nil
	}
	if errors.Is(err, store.ErrSeriesLimit) {
		return err
	}
	e.round = s.round
	s.dropFor(err)
	return fmt.Errorf("%s: %w", e.lset, err)
}

func (s *sampler) labels(name string, pairs []*dto.LabelPair, extra, extraValue string) labels.Labels {
	s.builder.Reset()
	s.builder.Add(labels.MetricName, name)
	for _, p := range pairs {
		if p.GetValue() != "" { // an empty label is no label
			s.builder.Add(exported(p.GetName()), p.GetValue())
		}
	}
	if extra != "" {
		s.builder.Add(extra, extraValue)
	}
	s.builder.Sort()
	return s.builder.Labels()
}

// exported renames a label that a scrape would rename, because the server gives every series its own of that name. The
// shipped rules join by these: a metric that brings one would find no partner, and an alert on it count for nothing.
func exported(name string) string {
	if name == model.JobLabel || name == model.InstanceLabel {
		return model.ExportedLabelPrefix + name
	}
	return name
}

// bound writes a bucket bound or a quantile as Prometheus 3 does when it scrapes ("1.0", "0.25").
func (s *sampler) bound(v float64) string {
	if text, ok := s.bounds[v]; ok {
		return text
	}
	text := labels.FormatOpenMetricsFloat(v)
	if len(s.bounds) < maxBounds {
		s.bounds[v] = text
	}
	return text
}

// Sample writes what was gathered into the store and marks the series stale that are gone. The error is the first one that
// is not about room.
func (e *Engine) Sample(families []*dto.MetricFamily, s Stamp) error {
	return e.sampler.sample(families, s)
}

// Refused returns how many samples of the last Sample found no room.
func (e *Engine) Refused() int { return e.sampler.refused }

// Dropped counts the samples of the last Sample that the store did not take because of their time, by reason. The map is
// the engine's.
func (e *Engine) Dropped() map[string]uint64 { return e.sampler.dropped }

// Series returns how many series were sampled and how many the rules wrote when they were last evaluated.
func (e *Engine) Series() (sampled, written int) {
	for _, g := range e.Groups {
		for _, r := range g.Rules {
			written += len(r.written)
		}
	}
	return len(e.sampler.series), written
}
