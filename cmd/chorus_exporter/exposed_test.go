package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"chorus/collectors"
)

// exposed are the labels of every metric, with the values that were seen: metric to label to values. The label of
// buckets is left out.
type exposed map[string]map[string][]string

// exposedMetrics are what /metrics has by the golden files, and for what is in none of them what collectors of a cluster
// tell before anything of it was reached. late are the metrics that these describe and do not have yet by then.
func exposedMetrics(t *testing.T) (rest exposed, late map[string]bool) {
	t.Helper()
	all := exposed{}
	for _, file := range []string{"testdata/metrics.golden", "testdata/metrics_p2p.golden"} {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.addText(string(body))
	}
	rest = exposed{}
	late = rest.addCluster(t)
	rest.add("chorus_health_check_self", "check_name", "") // of programs that embed the exporter
	// Not every machine has these.
	rest.add("chorus_resource_disk_inodes_utilization_ratio", "path", "")
	rest.add("chorus_resource_unreadable", "path", "")
	for _, resource := range []string{"cpu", "memory", "disk"} {
		rest.add("chorus_resource_unreadable", "resource", resource)
	}
	for _, reason := range collectors.UnreadableReasons() {
		rest.add("chorus_resource_unreadable", "reason", reason)
	}
	maps.Copy(rest, all)
	return rest, late
}

// add takes note of a label's value; of a metric without labels with an empty label.
func (e exposed) add(metric, label, value string) {
	if e[metric] == nil {
		e[metric] = map[string][]string{}
	}
	if label != "" && !slices.Contains(e[metric][label], value) {
		e[metric][label] = append(e[metric][label], value)
	}
}

// addText takes note of what a golden file shows.
func (e exposed) addText(body string) {
	types := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(body, -1) {
		types[m[1]] = m[2]
	}
	line := regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})?$`)
	pair := regexp.MustCompile(`(\w+)="([^"]*)"`)
	for _, m := range line.FindAllStringSubmatch(body, -1) {
		name := m[1]
		if family := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""); types[family] == "histogram" {
			name = family
		}
		e.add(name, "", "")
		for _, l := range pair.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				e.add(name, l[1], l[2])
			}
		}
	}
}

// addCluster takes note of what the collectors of a cluster with election and fleet say that they expose, and do.
func (e exposed) addCluster(t *testing.T) (late map[string]bool) {
	t.Helper()
	const us = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
	p, err := prepare(write(t, "chorus.yml", `
p2p: {targets: [/ip4/127.0.0.1/tcp/1/p2p/`+us+`], min_peers: 1}
election: {}
shutdown: {fleet: {exporters: [`+us+`]}}
`), nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.join(loggers{Logger: log.NewNopLogger()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.swarm.close(); err != nil {
			t.Error(err)
		}
	})
	descs := make(chan *prometheus.Desc, 1000)
	registry := prometheus.NewRegistry()
	for _, c := range p.swarm.collectors() {
		c.Describe(descs)
		registry.MustRegister(c)
	}
	close(descs)
	late = map[string]bool{}
	for d := range descs {
		m := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)\}`).FindStringSubmatch(d.String())
		e.add(m[1], "", "")
		late[m[1]] = true
		for label := range strings.SplitSeq(m[2], ",") {
			if label != "" {
				e[m[1]][label] = nil
			}
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		delete(late, f.GetName())
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				e.add(f.GetName(), l.GetName(), l.GetValue())
			}
		}
	}
	return late
}
