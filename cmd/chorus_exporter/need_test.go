package main

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
	"chorus/probes"
	"chorus/rules"
)

// The arithmetic of SeriesNeeded counts what a probe exposes without knowing of probes.
func TestSeriesNeededCountsWhatProbesExpose(t *testing.T) {
	reg := prometheus.NewRegistry()
	r, err := probes.NewRunner(probes.RunnerOptions{Registerer: reg, NodeID: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Register(probes.Spec{
		Name: "db", Component: "database", Interval: time.Second, Timeout: time.Second, FailureThreshold: 3,
		Probe: probes.Func(func(context.Context) (probes.Result, error) { return probes.Result{}, nil }),
	}); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	exposed := 0
	for _, f := range families {
		for _, m := range f.Metric {
			exposed++
			if h := m.GetHistogram(); h != nil {
				exposed += len(h.Bucket) + 2 // _bucket with +Inf, _sum, _count, for the one
			}
		}
	}
	const afterARun = 3 // healthy, last run, last success
	exposed += afterARun
	set, err := rules.Load(rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	needed := evaluator.SeriesNeeded(set, 2).Total() - evaluator.SeriesNeeded(set, 1).Total()
	if recorded := needed - exposed; recorded < 2 || recorded > 8 {
		t.Errorf("a probe exposes %d series and needs %d with what rules record of it", exposed, needed)
	}
}
