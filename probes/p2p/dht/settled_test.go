package dht

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chorus/probes/p2p/memnet"
)

// settling is a HostOwner that is still dialling.
type settling struct {
	kadOwner
	done *atomic.Bool
}

func (s settling) Settled() bool { return s.done.Load() }

// The first run waits for targets that are still being dialled, so that a value is put to all of them; but no longer than
// PeerWait.
func TestWaitsForTheDials(t *testing.T) {
	for name, last := range map[string]bool{"the last one comes": true, "it never comes": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := kadSwarm(t, 2)
				h := memnet.Host(t, false, nil)
				kadConnect(t, h, servers[0].Host)
				leg := settling{kadOwner{h}, new(atomic.Bool)}
				d := kadProbeOn(t, h, Options{Leg: leg, PeerWait: 3 * time.Second, BucketSize: 5})
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
