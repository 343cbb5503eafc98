package evaluator

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/rules"
)

// BenchmarkTick is one evaluation of the shipped rules over about 200 measured series, gather and verdict included.
// "steady" has a store as full as it gets: 11 minutes at 5 s.
func BenchmarkTick(b *testing.B) {
	for _, own := range []int{0, 100, 200} {
		b.Run(fmt.Sprintf("ownrules=%d", own), func(b *testing.B) { benchmarkTick(b, 200, own) })
	}
	for _, measured := range []int{2000, 5000} {
		b.Run(fmt.Sprintf("series=%d", measured), func(b *testing.B) { benchmarkTick(b, measured, 0) })
	}
}

func benchmarkTick(b *testing.B, measured, own int) {
	ro := rules.Options{Components: []string{"resources", "database"}, Probes: []string{"db"}}
	if own > 0 {
		text := "groups:\n  - name: own\n    rules:\n"
		for i := range own {
			text += fmt.Sprintf("      - {record: 'own:r%d', expr: 'sum(rate(bench_total{i=\"%d\"}[1m]))'}\n", i, i)
		}
		ro.Own = []string{ownRules(b, text)}
	}
	reg := prometheus.NewRegistry()
	resources := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "chorus_resource_threshold_ratio", Help: "h"}, []string{"resource"})
	cpu := prometheus.NewGauge(prometheus.GaugeOpts{Name: "chorus_resource_cpu_utilization_ratio", Help: "h"})
	memory := prometheus.NewGauge(prometheus.GaugeOpts{Name: "chorus_resource_memory_utilization_ratio", Help: "h"})
	disk := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "chorus_resource_disk_utilization_ratio", Help: "h"}, []string{"path"})
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "chorus_health_check_info", Help: "h"},
		[]string{"check_name", "component", "critical", "kind"})
	total := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bench_total", Help: "h"}, []string{"i"})
	reg.MustRegister(resources, cpu, memory, disk, info, total, rules.NewPolicyCollector(rules.DefaultPolicy()))
	for _, r := range []string{"cpu", "memory", "disk"} {
		resources.WithLabelValues(r).Set(0.9)
	}
	disk.WithLabelValues("/").Set(0.5)
	info.WithLabelValues("db", "database", "true", "probe").Set(1)
	for i := range measured {
		total.WithLabelValues(fmt.Sprint(i)).Inc()
	}
	e, err := New(Options{Gatherer: reg, Registerer: reg, Rules: loadRules(b, ro)})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().Round(0)
	for range 132 {
		now = now.Add(5 * time.Second)
		if err := e.Tick(context.Background(), now); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(5 * time.Second)
		if err := e.Tick(context.Background(), now); err != nil {
			b.Fatal(err)
		}
	}
	series, samples := e.engine.Store.Stats()
	b.ReportMetric(float64(series), "series")
	b.ReportMetric(float64(samples), "samples")
}
