package p2p

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"chorus/probes"
)

var _ interface {
	probes.Probe
	prometheus.Collector
} = (*Gossip)(nil)

var _ GossipLeg = (*Leg)(nil)

func TestNewGossip(t *testing.T) {
	a, b := gossipLegOf{newGossipTestLeg(t, "gossip-a")}, gossipLegOf{newGossipTestLeg(t, "gossip-b")}
	policy := pubsub.StrictNoSign
	friend := GossipAnswer{Exporters: []peer.ID{"friend"}}
	for name, c := range map[string]struct {
		o    GossipOptions
		want string
	}{
		"both legs":        {GossipOptions{A: a, B: b}, ""},
		"answered":         {GossipOptions{B: b, Mode: GossipAnswered, Answer: friend}, ""},
		"no receiver":      {GossipOptions{A: a}, "no receiving leg"},
		"no publisher":     {GossipOptions{B: b}, "mode auto needs a publishing leg"},
		"one leg twice":    {GossipOptions{A: b, B: b}, "the same peer id"},
		"unknown mode":     {GossipOptions{A: a, B: b, Mode: "echo"}, `mode "echo": use auto, relayed or answered`},
		"negative wait":    {GossipOptions{A: a, B: b, Wait: -1}, "must be positive"},
		"nobody to answer": {GossipOptions{B: b, Mode: GossipAnswered}, "set Answer.Exporters"},
		"only ourselves": {
			GossipOptions{B: b, Mode: GossipAnswered, Answer: GossipAnswer{Exporters: []peer.ID{b.ID()}}},
			"exporters other than this one",
		},
		"too many wanted":  {GossipOptions{A: a, B: b, Answer: GossipAnswer{Wanted: 17}}, "17 answers wanted, use 1 to 16"},
		"answers unsigned": {GossipOptions{A: a, B: b, Answer: friend, Params: GossipParams{Policy: &policy}}, "can't be believed"},
		"custom protocol": {
			GossipOptions{A: a, B: b, Params: GossipParams{Protocols: []protocol.ID{"/mine"}}},
			`protocol "/mine" is not GossipSub's own, set GossipParams.Features`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := NewGossip(c.o)
				switch {
				case c.want == "" && err != nil:
					t.Error(err)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		})
	}
	if _, err := NewGossipOn(GossipPublisher{}, GossipOptions{B: b}); err == nil {
		t.Error("a publisher without pubsub is accepted")
	}
}

func TestGossipDeadline(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct{ wait, timeout, want time.Duration }{
		"no timeout":    {wait: 10 * time.Second, want: 10 * time.Second},
		"plain":         {wait: 10 * time.Second, timeout: 15 * time.Second, want: 10 * time.Second},
		"enhanced":      {wait: 10 * time.Second, timeout: 10 * time.Second, want: 9 * time.Second},
		"short timeout": {wait: 10 * time.Second, timeout: time.Second, want: time.Second / 2},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			if c.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithDeadline(ctx, now.Add(c.timeout))
				defer cancel()
			}
			x := &gossipSettings{wait: c.wait}
			if got := x.deadline(ctx, now).Sub(now); got != c.want {
				t.Errorf("waits %v, want %v", got, c.want)
			}
		})
	}
}

// Names, types and help texts are those of the table of names, or gathering would drop families.
func TestGossipMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := gossipCluster(t, 2, true)
		g := relayedGossip(t, newGossipTestLeg(t, "gossip-a", nodes[0]), newGossipTestLeg(t, "gossip-b", nodes[1]))
		if n := testutil.CollectAndCount(g); n != 4 { // two histograms, a counter, the mesh
			t.Errorf("%d series before the first run", n)
		}
		runGossip(t, g, "")
		g.metrics.begin(newGossipExpect(GossipAnswered, 1, func() {}))
		registry := prometheus.NewPedanticRegistry()
		gossipMust(t, registry.Register(g))
		families, err := registry.Gather()
		gossipMust(t, err)
		names, err := os.ReadFile("../../rules/names.yml")
		gossipMust(t, err)
		for _, f := range families {
			line := `{name: ` + f.GetName() + `, type: ` + strings.ToLower(f.GetType().String()) + `,`
			_, rest, found := strings.Cut(string(names), line)
			text, _, _ := strings.Cut(rest, "\n")
			if !found || !strings.Contains(text, `help: "`+f.GetHelp()+`"`) {
				t.Errorf("%s (%s) %q is not in rules/names.yml", f.GetName(), f.GetType(), f.GetHelp())
			}
		}
		if len(families) != 7 {
			t.Errorf("%d families", len(families))
		}
		for name, want := range map[string]float64{
			"chorus_pubsub_probe_copies": 1, "chorus_pubsub_topic_peers": 2,
			"chorus_pubsub_mesh_peers": 1, "chorus_pubsub_probe_responders": 0,
		} {
			for _, f := range families {
				if f.GetName() == name && f.GetMetric()[0].GetGauge().GetValue() != want {
					t.Errorf("%s is %v, want %v", name, f.GetMetric()[0].GetGauge().GetValue(), want)
				}
			}
		}
		if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
	})
}
