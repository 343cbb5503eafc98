package p2p

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func gather(t *testing.T, c prometheus.Gatherer) []*dto.MetricFamily {
	t.Helper()
	families, err := c.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func TestPeers(t *testing.T) {
	var ids []peer.ID
	p, err := NewPeers(PeersOptions{Connected: func() []peer.ID { return ids }})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(peers, wanted string) {
		t.Helper()
		if err := testutil.CollectAndCompare(p, strings.NewReader(`
# HELP chorus_p2p_connected_peers Cluster nodes that are connected now.
# TYPE chorus_p2p_connected_peers gauge
chorus_p2p_connected_peers `+peers+`
# HELP chorus_p2p_min_peers Configured number of connected nodes under which connectivity counts as lost.
# TYPE chorus_p2p_min_peers gauge
chorus_p2p_min_peers `+wanted+"\n")); err != nil {
			t.Error(err)
		}
	}
	expect("0", "3")
	ids = []peer.ID{"a", "b"}
	if err := p.Apply(2); err != nil {
		t.Fatal(err)
	}
	expect("2", "2")
	if p.Apply(-1) == nil {
		t.Error("a negative threshold was taken")
	}
	expect("2", "2")
	if _, err := NewPeers(PeersOptions{}); err == nil {
		t.Error("no function, no error")
	}
}

// Three nodes: the mesh grows, and shrinks when one is gone and when the topic is left.
func TestGossipSubFollowsTheMesh(t *testing.T) {
	net, err := mocknet.FullMeshLinked(3)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	hosts := net.Hosts()
	g, err := NewGossipSub("watched")
	if err != nil {
		t.Fatal(err)
	}
	var topics []*pubsub.Topic
	var subs []*pubsub.Subscription
	for n, h := range hosts {
		var options []pubsub.Option
		if n == 0 {
			options = append(options, pubsub.WithRawTracer(g))
		}
		ps, err := pubsub.NewGossipSub(t.Context(), h, options...)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"watched", "other"} {
			topic, err := ps.Join(name)
			if err != nil {
				t.Fatal(err)
			}
			sub, err := topic.Subscribe()
			if err != nil {
				t.Fatal(err)
			}
			topics, subs = append(topics, topic), append(subs, sub)
		}
	}
	if err := net.ConnectAllButSelf(); err != nil {
		t.Fatal(err)
	}
	size := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); g.MeshPeers("watched") != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d nodes in the mesh, want %d", g.MeshPeers("watched"), want)
			}
		}
	}
	size(2)
	if err := testutil.CollectAndCompare(g, strings.NewReader(`
# HELP chorus_gossipsub_mesh_peers Nodes in the GossipSub mesh of the configured topic.
# TYPE chorus_gossipsub_mesh_peers gauge
chorus_gossipsub_mesh_peers{topic="watched"} 2
`)); err != nil {
		t.Error(err)
	}
	if g.MeshPeers("other") != 0 {
		t.Error("a topic that was not configured is counted")
	}
	if err := net.DisconnectPeers(hosts[0].ID(), hosts[2].ID()); err != nil {
		t.Fatal(err)
	}
	size(1)
	subs[0].Cancel()
	size(0)
	for _, s := range subs {
		s.Cancel()
	}
	for _, topic := range topics {
		_ = topic.Close()
	}
}

func TestGossipSubTopics(t *testing.T) {
	for name, topics := range map[string][]string{"none": nil, "empty": {"a", ""}, "too many": make([]string, 65)} {
		if _, err := NewGossipSub(topics...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNative(t *testing.T) {
	if _, err := NewNative(nil); err == nil {
		t.Error("no registerer, no error")
	}
	reg := prometheus.NewPedanticRegistry()
	native, err := NewNative(reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewNative(reg); err != nil {
		t.Errorf("again with the same registry: %v", err)
	}
	limits, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.InfiniteLimits),
		rcmgr.WithMetricsDisabled(), rcmgr.WithTraceReporter(native.Limits))
	if err != nil {
		t.Fatal(err)
	}
	defer limits.Close()
	conn, err := limits.OpenConnection(1, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Done()
	native.Swarm.FailedDialing(nil, os.ErrDeadlineExceeded, nil)
	var names []string
	for _, f := range gather(t, reg) {
		names = append(names, f.GetName())
	}
	for _, want := range []string{"libp2p_rcmgr_connections", "libp2p_swarm_dial_errors_total"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s among %v", want, names)
		}
	}
	taken := prometheus.NewRegistry()
	taken.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "libp2p_rcmgr_connections", Help: "Taken."}))
	if _, err := NewNative(taken); err == nil {
		t.Error("a name is taken, no error")
	}
}

// The help texts must be those of the table.
func TestHelp(t *testing.T) {
	data, err := os.ReadFile("../../rules/names.yml")
	if err != nil {
		t.Fatal(err)
	}
	type entry struct{ Name, Type, Help string }
	var table struct{ Names []entry }
	if err := yaml.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	peers, err := NewPeers(PeersOptions{Connected: func() []peer.ID { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	mesh, err := NewGossipSub("a")
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(peers, mesh)
	families := gather(t, reg)
	if len(families) != 3 {
		t.Errorf("%d families, want 3", len(families))
	}
	for _, f := range families {
		got := entry{f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp()}
		if !slices.Contains(table.Names, got) {
			t.Errorf("%+v is not in the table", got)
		}
	}
}
