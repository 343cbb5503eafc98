package evaluator

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/protobuf/proto"

	"chorus/evaluator/engine"
)

// exposed is what one evaluation left to expose, by family, immutable.
type exposed struct {
	families map[string]*dto.MetricFamily
}

// Derived gathers what the rules recorded for exposure, the status, the groups that fail, and the counters of rule
// checks. It is a registry of its own, never sampled, so that no rule feeds on its own output.
func (e *Evaluator) Derived() prometheus.Gatherer { return prometheus.GathererFunc(e.gatherDerived) }

func (e *Evaluator) gatherDerived() ([]*dto.MetricFamily, error) {
	now, steady := e.now()
	x := e.exposed.Load()
	out := make([]*dto.MetricFamily, 0, len(x.families)+8)
	counters := e.ruleCheckFamilies(now, e.engine.Clock.Start.Add(steady).UnixMilli())
	for name, f := range x.families {
		if c := counters[name]; c != nil {
			f = &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Metric: slices.Concat(f.Metric, c.Metric)}
			delete(counters, name)
		}
		out = append(out, f)
	}
	for _, f := range counters {
		out = append(out, f)
	}
	out = append(out, e.statusFamily())
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// statusFamily is written from the answer's status, not from what the rules recorded, so that the two never differ.
func (e *Evaluator) statusFamily() *dto.MetricFamily {
	s := e.Snapshot()
	status := s.Status
	if status != Stopping && s.Stalled(time.Now()) {
		status = Unhealthy
	}
	f := e.family(statusName, "")
	for _, st := range Statuses() {
		v := 0.0
		if st == status {
			v = 1
		}
		f.Metric = append(f.Metric, gauge(v, pair("status", string(st))))
	}
	return f
}

// expose collects the recorded series that are exposed. A series that two rules record is exposed once.
func (e *Evaluator) expose(*Snapshot) *exposed {
	x := &exposed{families: map[string]*dto.MetricFamily{}}
	seen := map[string]bool{}
	failing := e.family(engine.RuleFailing, "")
	for _, g := range e.engine.Groups {
		v := 0.0
		if g.Failing {
			v = 1
		}
		failing.Metric = append(failing.Metric, gauge(v, pair("group", g.Name)))
		for _, r := range g.Rules {
			if r.Record == statusName || !isExposed(r.Record) {
				continue
			}
			for _, res := range r.Results {
				k := string(res.Labels.Bytes(nil))
				if seen[k] {
					continue
				}
				seen[k] = true
				f := x.families[r.Record]
				if f == nil {
					f = e.family(r.Record, "Recorded by "+r.File+", group "+g.Name+".")
					x.families[r.Record] = f
				}
				f.Metric = append(f.Metric, gauge(res.Value, pairs(res.Labels)...))
			}
		}
	}
	if len(failing.Metric) > 0 {
		x.families[engine.RuleFailing] = failing
	}
	if len(e.proofs) > 0 {
		x.families[provenName] = e.provenFamily()
	}
	return x
}

// ruleCheckFamilies are the counters and gauges that a probe's check has too, for the checks that rules decide.
func (e *Evaluator) ruleCheckFamilies(wall time.Time, steady int64) map[string]*dto.MetricFamily {
	out := map[string]*dto.MetricFamily{}
	add := func(name string, check string, m *dto.Metric) {
		if out[name] == nil {
			out[name] = e.family(name, "")
		}
		m.Label = []*dto.LabelPair{pair(checkNameLabel, check)}
		out[name].Metric = append(out[name].Metric, m)
	}
	timestamp := func(t int64) float64 {
		return float64(wall.Add(-time.Duration(steady-t)*time.Millisecond).UnixMilli()) / 1000
	}
	e.results.mu.Lock()
	defer e.results.mu.Unlock()
	for name, t := range e.results.checks {
		add(passedName, name, counter(float64(t.passed)))
		add(failedName, name, counter(float64(t.failed)))
		add("chorus_health_check_interval_seconds", name, gauge(t.interval.Seconds()))
		if t.ran {
			healthy := 0.0
			if t.healthy {
				healthy = 1
			}
			add("chorus_health_check_healthy", name, gauge(healthy))
			add(lastRunName, name, gauge(timestamp(t.lastRun)))
		}
		if t.succeeded {
			add("chorus_health_check_last_success_timestamp_seconds", name, gauge(timestamp(t.lastSuccess)))
		}
	}
	return out
}

// family has the name's type and help from the table of names; own is the help of a name that is not in it.
func (e *Evaluator) family(name, own string) *dto.MetricFamily {
	n, ok := e.names[name]
	help, typ := own, dto.MetricType_GAUGE
	if ok {
		help = n.Help
		if n.Type == "counter" {
			typ = dto.MetricType_COUNTER
		}
	}
	return &dto.MetricFamily{Name: proto.String(name), Help: proto.String(help), Type: typ.Enum()}
}

func pair(name, value string) *dto.LabelPair {
	return &dto.LabelPair{Name: proto.String(name), Value: proto.String(value)}
}

// pairs are the labels without the name, sorted as they were.
func pairs(l labels.Labels) []*dto.LabelPair {
	out := make([]*dto.LabelPair, 0, l.Len())
	l.Range(func(l labels.Label) {
		if l.Name != labels.MetricName {
			out = append(out, pair(l.Name, l.Value))
		}
	})
	return out
}

func gauge(v float64, ls ...*dto.LabelPair) *dto.Metric {
	return &dto.Metric{Label: ls, Gauge: &dto.Gauge{Value: proto.Float64(v)}}
}

func counter(v float64) *dto.Metric {
	return &dto.Metric{Counter: &dto.Counter{Value: proto.Float64(v)}}
}
