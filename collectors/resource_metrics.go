package collectors

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// The values of the label resource of chorus_resource_unreadable.
const (
	resourceCPU    = "cpu"
	resourceMemory = "memory"
	resourceDisk   = "disk"
	resourceInodes = "inodes"
)

// resourceDescs are the metrics of Resources. Help texts are those of rules/names.yml; a test compares them.
type resourceDescs struct {
	cpu, memory, disk, diskAge, inodes, readonly, replaced, mounted, unreadable, threshold *prometheus.Desc
}

func newResourceDescs() resourceDescs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("chorus_resource_"+name, help, labels, nil)
	}
	return resourceDescs{
		cpu: desc("cpu_utilization_ratio",
			"CPU time used, as a share of what the cgroup's limit or else the host allows; NaN when it can't be read any more."),
		memory: desc("memory_utilization_ratio",
			"Memory used and not reclaimable, as a share of what the cgroup's limit or else the host allows; "+
				"NaN when it can't be read any more."),
		disk: desc("disk_utilization_ratio",
			"Space used on the file system of the path, as a share of what unprivileged users may use; "+
				"NaN when it can't be read.", "path"),
		diskAge: desc("disk_age_seconds",
			"Time since the path was last read successfully, or since it was first watched if it never was.", "path"),
		inodes: desc("disk_inodes_utilization_ratio",
			"Inodes used on the file system of the path, as a share of all; absent where it does not count inodes.", "path"),
		readonly: desc("disk_readonly",
			"Whether the path is read-only (1) though it should be writable, or was at the first reading.", "path"),
		replaced: desc("disk_replaced",
			"Whether the path is on another file system (1) than at the first reading since the start or the last reload, "+
				"or is not a mount point though it should be.", "path"),
		mounted: desc("disk_mounted",
			"Whether the file system of the path is mounted (1) or the path is on the directory beneath (0).", "path"),
		unreadable: desc("unreadable",
			"Always 1, exposed while the resource can't be read; reason says why.", "resource", "path", "reason"),
		threshold: desc("threshold_ratio",
			"Configured utilization over which the resource is reported.", "resource"),
	}
}

func (d *resourceDescs) all() []*prometheus.Desc {
	return []*prometheus.Desc{
		d.cpu, d.memory, d.disk, d.diskAge, d.inodes, d.readonly, d.replaced, d.mounted, d.unreadable, d.threshold,
	}
}

// thresholds are the series of the configured thresholds.
func (d *resourceDescs) thresholds(t ResourceThresholds) []prometheus.Metric {
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
	for _, desc := range r.descs.all() {
		ch <- desc
	}
}

// Collect implements prometheus.Collector. It reads stored values only.
func (r *Resources) Collect(ch chan<- prometheus.Metric) {
	a, now := r.current(), time.Now()
	if !a.options.Omit.CPU {
		r.collectUtilization(ch, r.descs.cpu, resourceCPU, r.cpu.current())
	}
	if !a.options.Omit.Memory {
		r.collectUtilization(ch, r.descs.memory, resourceMemory, r.memory.current())
	}
	for _, d := range a.disks {
		r.collectDisk(ch, d, a.options.Omit.Inodes, now)
	}
	for _, threshold := range a.thresholds {
		ch <- threshold
	}
}

// collectUtilization sends the value of CPU or memory. Before the first there is none, whether reading fails or not.
func (r *Resources) collectUtilization(ch chan<- prometheus.Metric, desc *prometheus.Desc, resource string, is reading[float64]) {
	switch {
	case is.known:
		ch <- gauge{desc, nil, is.value}
	case is.err != nil && !is.taken.IsZero():
		ch <- gauge{desc, nil, math.NaN()}
	}
	if is.err != nil {
		r.collectUnreadable(ch, resource, "", is.err)
	}
}

func (r *Resources) collectUnreadable(ch chan<- prometheus.Metric, resource, path string, err error) {
	labels := prometheus.MakeLabelPairs(r.descs.unreadable, []string{resource, path, reason(err)})
	ch <- gauge{r.descs.unreadable, labels, 1}
}

// collectDisk sends what is known of a path.
func (r *Resources) collectDisk(ch chan<- prometheus.Metric, d watched, omitInodes bool, now time.Time) {
	s := d.state(d.want)
	since := s.taken
	if since.IsZero() {
		since = d.since
	}
	ch <- gauge{r.descs.diskAge, d.labels, max(now.Sub(since).Seconds(), 0)} // a read may end between now and here
	if s.known {
		ratio, _ := s.value.space.ratio() // the sensor keeps none without
		ch <- gauge{r.descs.disk, d.labels, ratio}
		if used, ok := s.value.inodes.ratio(); ok && !omitInodes {
			ch <- gauge{r.descs.inodes, d.labels, used}
		}
	}
	if s.err != nil {
		ch <- gauge{r.descs.disk, d.labels, math.NaN()}
		r.collectUnreadable(ch, resourceDisk, d.path, s.err)
	}
	for _, f := range []struct {
		desc  *prometheus.Desc
		value *bool
	}{{r.descs.readonly, s.readonly}, {r.descs.replaced, s.replaced}, {r.descs.mounted, s.mounted}} {
		if f.value == nil {
			continue
		}
		value := 0.0
		if *f.value {
			value = 1
		}
		ch <- gauge{f.desc, d.labels, value}
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
