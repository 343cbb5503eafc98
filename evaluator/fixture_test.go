package evaluator

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.uber.org/goleak"

	"chorus/evaluator/engine"
	"chorus/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// series is a collector whose series a test sets and drops by their text, such as `up{target="a"}`.
type series struct {
	mu     sync.Mutex
	values map[string]float64
	help   map[string]string // by name; of our own metrics
}

func newSeries() *series {
	s := &series{values: map[string]float64{}, help: map[string]string{}}
	for _, n := range rules.Names() {
		s.help[n.Name] = n.Help
	}
	return s
}

func (s *series) set(text string, v float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[text] = v
}

func (s *series) get(text string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[text]
}

func (s *series) drop(prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.values, func(text string, _ float64) bool { return strings.HasPrefix(text, prefix) })
}

func (s *series) Describe(chan<- *prometheus.Desc) {}

func (s *series) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text, v := range s.values {
		l, err := parser.NewParser(parser.Options{}).ParseMetric(text)
		if err != nil {
			panic(err)
		}
		var names, values []string
		for name, value := range l.DropMetricName().Map() {
			names, values = append(names, name), append(values, value)
		}
		name := l.Get(model.MetricNameLabel)
		help, ok := s.help[name]
		if !ok {
			help = "Help."
		}
		d := prometheus.NewDesc(name, help, names, nil)
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, values...)
	}
}

// node is an evaluator over series that a test writes, at a time that the test moves.
type node struct {
	*Evaluator
	*series
	t   *testing.T
	now time.Time
	reg *prometheus.Registry
}

// shippedRules keeps what was loaded without files of the operator: a Set is immutable, and loading is slow with -race.
var shippedRules sync.Map

func loadRules(t testing.TB, o rules.Options) *rules.Set {
	t.Helper()
	o.Actions = []string{"shutdown"}
	key := fmt.Sprintf("%q", []any{o.Components, o.Disabled, o.Enabled, o.Probes})
	reusable := o.Own == nil && o.Checks == nil && o.Measured == nil
	if set, ok := shippedRules.Load(key); ok && reusable {
		return set.(*rules.Set)
	}
	set, err := rules.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if reusable {
		shippedRules.Store(key, set)
	}
	return set
}

// ownRules writes an operator's rule file.
func ownRules(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.rules.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newNode(t *testing.T, ro rules.Options, o Options) *node {
	t.Helper()
	n := &node{t: t, series: newSeries(), now: time.Now().Round(0), reg: prometheus.NewRegistry()}
	n.reg.MustRegister(n.series, rules.NewPolicyCollector(rules.DefaultPolicy()))
	o.Gatherer, o.Registerer, o.Rules = n.reg, n.reg, loadRules(t, ro)
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	n.Evaluator = e
	return n
}

// probe writes what a Runner would for a probe that has run. It is proven from its first run without failures on.
func (n *node) probe(name, critical string, failures float64) {
	check := `{check_name="` + name + `"}`
	healthy := 1.0
	if failures > 0 {
		healthy = 0
	}
	n.set(provenName+check, max(healthy, n.get(provenName+check)))
	n.set(`chorus_health_check_info{check_name="`+name+`",component="database",critical="`+critical+`",kind="probe"}`, 1)
	n.set("chorus_health_check_failure_threshold"+check, 3)
	n.set("chorus_health_check_consecutive_failures"+check, failures)
	n.set("chorus_health_check_healthy"+check, healthy)
	n.set("chorus_health_check_interval_seconds"+check, 30)
	n.set("chorus_health_check_timeout_seconds"+check, 10)
	n.set("chorus_health_check_last_run_timestamp_seconds"+check, float64(n.now.Unix()))
	n.set("chorus_health_check_stuck"+check, 0)
}

// resources writes what the resource collector would.
func (n *node) resources(cpu, memory, disk float64) {
	for _, r := range []string{"cpu", "memory", "disk"} {
		n.set(`chorus_resource_threshold_ratio{resource="`+r+`"}`, 0.9)
	}
	n.set(`chorus_resource_cpu_utilization_ratio`, cpu)
	n.set(`chorus_resource_memory_utilization_ratio`, memory)
	n.set(`chorus_resource_disk_utilization_ratio{path="/"}`, disk)
	n.set(`chorus_resource_disk_age_seconds{path="/"}`, 1)
}

// pass lets d go by and evaluates once.
func (n *node) pass(d time.Duration) *Snapshot {
	n.t.Helper()
	n.now = n.now.Add(d)
	if err := n.Tick(context.Background(), n.now); err != nil {
		n.t.Fatal(err)
	}
	return n.Snapshot()
}

func (n *node) want(s *Snapshot, status Status, message string) {
	n.t.Helper()
	if s.Status != status || !strings.Contains(s.Message, message) {
		n.t.Errorf("status is %s %q, want %s %q; alerts: %+v", s.Status, s.Message, status, message, s.Alerts)
	}
}

func check(t *testing.T, s *Snapshot, name string) Check {
	t.Helper()
	i := slices.IndexFunc(s.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %s in %+v", name, s.Checks)
	}
	return s.Checks[i]
}

// exposition gathers the derived registry by series text.
func (n *node) exposition() map[string]float64 {
	n.t.Helper()
	families, err := n.Derived().Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			v := m.GetGauge().GetValue()
			if f.GetType() == dto.MetricType_COUNTER {
				v = m.GetCounter().GetValue()
			}
			var ls []string
			for _, p := range m.Label {
				ls = append(ls, p.GetName()+`="`+p.GetValue()+`"`)
			}
			out[f.GetName()+"{"+strings.Join(ls, ",")+"}"] = v
		}
	}
	return out
}

// stored evaluates expr at t (ms) and returns label set text to value.
func stored(t *testing.T, e *engine.Engine, expr string, at int64) map[string]float64 {
	t.Helper()
	e.Query.Begin(time.Minute)
	v, err := e.Query.Instant(context.Background(), expr, time.UnixMilli(at), 0)
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
