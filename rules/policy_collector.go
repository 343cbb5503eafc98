package rules

import (
	"maps"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// PolicyCollector exposes a Policy as the metrics that the shipped rules read. It is safe for concurrent use.
type PolicyCollector struct {
	policy                 atomic.Pointer[Policy]
	threshold, weight, key *prometheus.Desc
}

// NewPolicyCollector returns a collector of p, which must be valid (see Policy.Validate).
func NewPolicyCollector(p Policy) *PolicyCollector {
	help := map[string]string{}
	for _, n := range Names() {
		help[n.Name] = n.Help
	}
	desc := func(name, label string) *prometheus.Desc {
		return prometheus.NewDesc(name, help[name], []string{label}, nil)
	}
	c := &PolicyCollector{
		threshold: desc("chorus_health_threshold", "name"),
		weight:    desc("chorus_health_component_weight", "component"),
		key:       desc("chorus_health_component_key", "component"),
	}
	c.Set(p)
	return c
}

// Set replaces the policy, for a reload. p must be valid and stays the caller's.
func (c *PolicyCollector) Set(p Policy) {
	p.Components = maps.Clone(p.Components)
	for name, component := range p.Components {
		if component.Weight != nil {
			w := *component.Weight
			component.Weight = &w
			p.Components[name] = component
		}
	}
	c.policy.Store(&p)
}

// Describe implements prometheus.Collector.
func (c *PolicyCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.threshold
	ch <- c.weight
	ch <- c.key
}

// Collect implements prometheus.Collector. A component without a weight of its own exposes none: the rules take it as 1.
func (c *PolicyCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, label)
	}
	p := c.policy.Load()
	gauge(c.threshold, p.Healthy, "healthy")
	gauge(c.threshold, p.Degraded, "degraded")
	for name, component := range p.Components {
		if component.Weight != nil {
			gauge(c.weight, *component.Weight, name)
		}
		if component.Key {
			gauge(c.key, 1, name)
		}
	}
}
