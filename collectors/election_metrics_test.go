package collectors

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.yaml.in/yaml/v3"
)

// TestElectionDescribed compares all metrics with the table of names, and lints them.
func TestElectionDescribed(t *testing.T) {
	data, err := os.ReadFile("../rules/names.yml")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Names []struct{ Name, Type, Source, Help string }
	}
	if err := yaml.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, n := range table.Names {
		if strings.HasPrefix(n.Name, "chorus_election_") && n.Source == "measured" {
			want[n.Name] = n.Type + ": " + n.Help
		}
	}
	silent := prometheus.NewPedanticRegistry()
	silent.MustRegister(newElection(t, members))
	const observed = "chorus_election_observed_since_timestamp_seconds" // what a heartbeat ends
	if n, err := testutil.GatherAndCount(silent, observed); n != 1 || err != nil {
		t.Errorf("%d series %s before the first heartbeat (%v), want 1", n, observed, err)
	}
	if help := newElectionDescs().observed.String(); !strings.Contains(help, strings.TrimPrefix(want[observed], "gauge: ")) {
		t.Errorf("%s is not described as the table does: %s", observed, help)
	}
	delete(want, observed)
	e := newElection(t, members)
	e.Heartbeat(Heartbeat{Node: "n1", Term: 1, Uptime: time.Second, Sent: time.Now()}, time.Now())
	e.Heartbeat(Heartbeat{Node: "n1", Term: 2, Uptime: time.Second, Sent: time.Now()}, time.Now())
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(e)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range families {
		got[f.GetName()] = strings.ToLower(f.GetType().String()) + ": " + f.GetHelp()
		if f.GetName() == "chorus_election_heartbeats_total" && len(f.GetMetric()) != len(heartbeatResults) {
			t.Errorf("%d results, want all %d from the start", len(f.GetMetric()), len(heartbeatResults))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table -, gathered +\n%s", diff)
	}
	problems, err := testutil.CollectAndLint(e)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func BenchmarkElectionHeartbeat(b *testing.B) {
	e := newElection(b, members)
	h := Heartbeat{Node: "n1", Term: 4, Uptime: time.Second, Sent: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		e.Heartbeat(h, time.Now())
	}
}

func BenchmarkElectionRefused(b *testing.B) {
	e := newElection(b, members)
	b.ReportAllocs()
	for b.Loop() {
		e.Refused("unknown_author")
	}
}

func BenchmarkElectionCollect(b *testing.B) {
	e := newElection(b, members)
	e.Heartbeat(Heartbeat{Node: "n1", Term: 4, Uptime: time.Second, Sent: time.Now()}, time.Now())
	ch := make(chan prometheus.Metric, 64)
	b.ReportAllocs()
	for b.Loop() {
		e.Collect(ch)
		for len(ch) > 0 {
			<-ch
		}
	}
}
