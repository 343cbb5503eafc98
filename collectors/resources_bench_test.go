package collectors

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func BenchmarkResourcesCollect(b *testing.B) {
	r := newFixture(b, ResourcesOptions{Disks: disks("/", "/data"), Thresholds: ResourceThresholds{0.9, 0.85, 0.9, 0.9}})
	ch := make(chan prometheus.Metric, 16)
	b.ReportAllocs()
	for b.Loop() {
		r.Collect(ch)
		for len(ch) > 0 {
			<-ch
		}
	}
}

func BenchmarkSample(b *testing.B) {
	for name, read := range map[string]func() (float64, error){
		"cpu":    (&cpuMeter{root: "/", cgroups: cgroups{root: "/"}}).read,
		"memory": (&memoryMeter{root: "/", cgroups: cgroups{root: "/"}}).read,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := read(); err != nil && name == "memory" {
					b.Fatal(err)
				}
			}
		})
	}
}
