package p2p

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
)

// The probe on the DHT leg of a real presence, beside its replication.
func TestDHTOnAPresence(t *testing.T) {
	kadNoLeaks(t)
	nodes := []*node{startNode(t), startNode(t), startNode(t)}
	kadSwarmOn(t, []host.Host{nodes[0], nodes[1], nodes[2]})
	identity, err := NewIdentity()
	kadMust(t, err)
	var targets []string
	for _, n := range nodes {
		targets = append(targets, n.target())
	}
	presence, err := NewPresence(PresenceOptions{Identity: identity, Targets: targets})
	kadMust(t, err)
	d, err := NewDHT(DHTOptions{Leg: presence.DHT()})
	kadMust(t, err)
	p, err := NewReplication(ReplicationOptions{DHT: d, MinHolders: 3})
	kadMust(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- presence.Run(ctx) }()
	go func() { done <- d.Run(ctx) }()
	defer func() {
		cancel()
		kadMust(t, errors.Join(<-done, <-done))
	}()
	kadAttached(t, d)
	var got map[string]any
	for range 50 { // the first runs may come before all targets are connected
		if got, err = kadDetails(t, d); err == nil && got["held"] == 3 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	kadMust(t, err)
	wantKadDetails(t, got, map[string]any{"asked": 3, "held": 3})
	got, err = kadDetails(t, p)
	kadMust(t, err)
	wantKadDetails(t, got, map[string]any{"fewest_holders": 3, "under_min_holders": 0})
}

// settling is a HostOwner that is still dialling.
type settling struct {
	kadOwner
	done *atomic.Bool
}

func (s settling) Settled() bool { return s.done.Load() }

// The first run waits for targets that are still being dialled, so that a value is put to all of them; but no longer than
// PeerWait.
func TestDHTWaitsForTheDials(t *testing.T) {
	for name, last := range map[string]bool{"the last one comes": true, "it never comes": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := kadSwarm(t, 2)
				h := testHost(t, false, nil)
				kadConnect(t, h, servers[0].Host)
				leg := settling{kadOwner{h}, new(atomic.Bool)}
				d := kadProbeOn(t, h, DHTOptions{Leg: leg, PeerWait: 3 * time.Second, BucketSize: 5})
				want := 1
				if last {
					want = 2
					time.AfterFunc(time.Second, func() { kadConnect(t, h, servers[1].Host); leg.done.Store(true) })
				} else {
					servers[1].kill()
				}
				began := time.Now()
				got, err := kadDetails(t, d)
				kadMust(t, err)
				wantKadDetails(t, got, map[string]any{"asked": want, "held": want})
				if took := time.Since(began); last && took >= 3*time.Second || !last && took < 3*time.Second {
					t.Errorf("the run took %v", took)
				}
			})
		})
	}
}
