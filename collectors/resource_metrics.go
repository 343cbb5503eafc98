package collectors

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// resourceDescs are the metrics of Resources. Help texts are those of rules/names.yml; a test compares them.
type resourceDescs struct{ cpu, memory, disk, diskAge, threshold *prometheus.Desc }

func newResourceDescs() resourceDescs {
	return resourceDescs{
		cpu: prometheus.NewDesc("chorus_resource_cpu_utilization_ratio",
			"CPU time used, as a share of what the cgroup's limit or else the host allows.", nil, nil),
		memory: prometheus.NewDesc("chorus_resource_memory_utilization_ratio",
			"Memory used and not reclaimable, as a share of what the cgroup's limit or else the host allows.", nil, nil),
		disk: prometheus.NewDesc("chorus_resource_disk_utilization_ratio",
			"Space used on the file system of the path, as a share of what unprivileged users may use; "+
				"NaN when it can't be read.", []string{"path"}, nil),
		diskAge: prometheus.NewDesc("chorus_resource_disk_age_seconds",
			"Age of the value of chorus_resource_disk_utilization_ratio for the path; +Inf before the first.",
			[]string{"path"}, nil),
		threshold: prometheus.NewDesc("chorus_resource_threshold_ratio",
			"Configured utilization over which the resource is reported.", []string{"resource"}, nil),
	}
}

// thresholds are the series of the configured thresholds.
func (d resourceDescs) thresholds(t ResourceThresholds) []prometheus.Metric {
	var metrics []prometheus.Metric
	for _, n := range t.named() {
		if n.value != 0 {
			labels := prometheus.MakeLabelPairs(d.threshold, []string{n.resource})
			metrics = append(metrics, gauge{d.threshold, labels, n.value})
		}
	}
	return metrics
}

// Describe implements prometheus.Collector.
func (r *Resources) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		r.descs.cpu, r.descs.memory, r.descs.disk, r.descs.diskAge, r.descs.threshold,
	} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector. It reads stored values only.
func (r *Resources) Collect(ch chan<- prometheus.Metric) {
	a, now := r.current(), time.Now()
	cpu, _ := r.cpu.current()
	memory, _ := r.memory.current()
	ch <- gauge{r.descs.cpu, nil, cpu}
	ch <- gauge{r.descs.memory, nil, memory}
	for _, d := range a.disks {
		value, taken := d.current()
		age := math.Inf(1)
		if !taken.IsZero() {
			age = now.Sub(taken).Seconds()
		}
		ch <- gauge{r.descs.disk, d.labels, value}
		ch <- gauge{r.descs.diskAge, d.labels, max(age, 0)} // a read may end between now and here
	}
	for _, threshold := range a.thresholds {
		ch <- threshold
	}
}

// gauge is a metric whose labels were made beforehand: unlike a const metric it costs a gather one allocation.
type gauge struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair // shared, never written to
	value  float64
}

// Desc implements prometheus.Metric.
func (g gauge) Desc() *prometheus.Desc { return g.desc }

// Write implements prometheus.Metric.
func (g gauge) Write(out *dto.Metric) error {
	out.Label, out.Gauge = g.labels, &dto.Gauge{Value: &g.value}
	return nil
}
