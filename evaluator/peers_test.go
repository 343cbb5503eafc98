package evaluator

import (
	"math/rand/v2"
	"testing"
	"time"

	"chorus/rules"
)

func newPeersNode(t *testing.T, connected float64) *node {
	n := newNode(t, rules.Options{Components: []string{"p2p"}}, Options{})
	n.set("chorus_p2p_min_peers", 3)
	n.set("chorus_p2p_connected_peers", connected)
	return n
}

// A node that never had a peer is starting until too few peers are a fault, and then unhealthy.
func TestStartWithoutPeers(t *testing.T) {
	n := newPeersNode(t, 0)
	s := n.pass(0)
	for began := s.Time; s.Time.Sub(began) < 30*time.Second; s = n.pass(3 * time.Second) {
		n.want(s, Starting, "starting: waiting for p2p-connectivity: no peers connected")
		if c := check(t, s, "p2p-connectivity"); c.State != StateUnknown || c.Message != "no peers connected" {
			t.Errorf("without peers the check is %s, %q", c.State, c.Message)
		}
	}
	if c := check(t, s, "p2p-connectivity"); c.State != StateFiring {
		t.Errorf("after half a minute the check is %s", c.State)
	}
	n.want(n.pass(50*time.Millisecond), Unhealthy, "p2p-connectivity: no peers connected")
}

// Whenever it is evaluated, the alert about too few peers and the signal turn together.
func TestPeersAlertAndSignalTurnTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	n := newPeersNode(t, 5)
	n.pass(0)
	turned := map[bool]int{}
	for range 300 {
		if random.IntN(8) == 0 {
			n.set("chorus_p2p_connected_peers", float64(random.IntN(4)))
		}
		s := n.pass(time.Duration(1+random.IntN(8000)) * time.Millisecond)
		fires := check(t, s, "p2p-connectivity").State == StateFiring
		low := n.exposition()[`chorus_component_health_signal{component="p2p",signal="peers"}`] < 1
		if fires != low {
			t.Fatalf("at %v the alert fires: %v, the signal is low: %v", s.Time, fires, low)
		}
		turned[fires]++
	}
	if turned[true] < 20 || turned[false] < 20 {
		t.Errorf("firing and quiet %v times, want both often", turned)
	}
}
