package dht

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"chorus/probes/p2p/memnet"
)

// kadGathered are the values of c's series by name and label value; of a histogram its count.
func kadGathered(t testing.TB, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	kadMust(t, registry.Register(c))
	families, err := registry.Gather()
	kadMust(t, err)
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "," + l.GetValue()
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				values[name] = m.GetCounter().GetValue()
			case dto.MetricType_HISTOGRAM:
				values[name] = float64(m.GetHistogram().GetSampleCount())
			default:
				values[name] = m.GetGauge().GetValue()
			}
		}
	}
	return values
}

func wantKadGathered(t testing.TB, c prometheus.Collector, want map[string]float64) {
	t.Helper()
	if diff := cmp.Diff(want, kadGathered(t, c), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	problems, err := testutil.CollectAndLint(c)
	kadMust(t, err)
	for _, p := range problems {
		t.Errorf("lint: %s: %s", p.Metric, p.Text)
	}
}

func TestDHTMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := New(Options{Leg: kadOwner{}})
		kadMust(t, err)
		wantKadGathered(t, d, map[string]float64{
			"chorus_dht_probe_put_seconds": 0, "chorus_dht_probe_get_seconds": 0, "chorus_dht_integrity_failures_total": 0,
		})
		servers := kadSwarm(t, 3)
		h := memnet.Host(t, false, nil)
		for _, s := range servers { // an answer takes a while, or there is nothing to measure
			at, proxy := memnet.Behind(t, s)
			proxy.Delay = time.Millisecond
			kadMust(t, h.Connect(t.Context(), at))
		}
		d = kadProbeOn(t, h, Options{PeerWait: 50 * time.Millisecond})
		_, err = kadDetails(t, d)
		kadMust(t, err)
		becomes(t, "the lookup's answers reach the routing table", func() bool {
			return kadGathered(t, d)["chorus_dht_routing_table_peers"] == 3
		})
		want := map[string]float64{
			"chorus_dht_probe_put_seconds": 1, "chorus_dht_probe_get_seconds": 1, "chorus_dht_integrity_failures_total": 0,
			"chorus_dht_probe_peers,acked": 3, "chorus_dht_probe_peers,held": 3,
			"chorus_dht_probe_peers,absent": 0, "chorus_dht_probe_peers,corrupt": 0, "chorus_dht_probe_peers,silent": 0,
			"chorus_dht_routing_table_peers": 3, "chorus_dht_servers": 3,
		}
		wantKadGathered(t, d, want)
		kadKillAll(t, d, servers)
		if _, err = kadDetails(t, d); err == nil {
			t.Fatal("passed without anybody")
		}
		got := kadGathered(t, d)
		for _, result := range roundResults {
			if v := got["chorus_dht_probe_peers,"+result]; v != 0 {
				t.Errorf("%s is %v after a run without anybody", result, v)
			}
		}
		if math.IsNaN(got["chorus_dht_servers"]) || got["chorus_dht_servers"] != 0 {
			t.Errorf("servers %v, want 0", got["chorus_dht_servers"])
		}
	})
}

func BenchmarkDHTProbe(b *testing.B) {
	d := kadProbe(b, Options{}, kadSwarm(b, 5)...)
	if _, err := kadDetails(b, d); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Probe(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDHTCollect(b *testing.B) {
	d := kadProbe(b, Options{}, kadSwarm(b, 5)...)
	if _, err := kadDetails(b, d); err != nil {
		b.Fatal(err)
	}
	ch := make(chan prometheus.Metric, 100)
	b.ReportAllocs()
	for b.Loop() {
		d.Collect(ch)
		for len(ch) > 0 {
			<-ch
		}
	}
}
