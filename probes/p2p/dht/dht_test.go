package dht

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/protocol"

	"chorus/probes"
	"chorus/probes/p2p/healthrecord"
	"chorus/probes/p2p/memnet"
)

func TestDHTPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 4)
		d := kadProbe(t, Options{}, servers[0]) // the others are found
		for range 3 {
			got, err := kadDetails(t, d)
			kadMust(t, err)
			wantKadDetails(t, got, map[string]any{
				"asked": 4, "acked": 4, "held": 4, "corrupt": 0, "silent": 0, "refused": 0, "stale": 0, "lookup_complete": true,
			})
		}
	})
}

// What a plain put and get does without anybody there, and what we do.
func TestDHTWithoutPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := memnet.Host(t, false, nil)
		naive, err := dht.New(h, dht.ProtocolPrefix("/chorus"), dht.Mode(dht.ModeClient),
			dht.NamespacedValidator("health", healthrecord.Validator{}))
		kadMust(t, err)
		key := healthrecord.Key(h.ID())
		value, err := healthrecord.Sign(h.Peerstore().PrivKey(h.ID()), healthrecord.Record{Sequence: 1, Time: time.Now()})
		kadMust(t, err)
		_ = naive.PutValue(t.Context(), key, value)
		if got, err := naive.GetValue(t.Context(), key); err != nil || string(got) != string(value) {
			t.Errorf("a lonely GetValue: %v: the trap that this probe avoids is gone", err)
		}
		kadMust(t, naive.Close())

		d := kadProbe(t, Options{PeerWait: 50 * time.Millisecond})
		got, err := kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonNoPeers, "no peer is connected")
		wantKadDetails(t, got, map[string]any{"asked": 0, "held": 0})
	})
}

// The cluster runs the DHT without our validator: a plain PutValue is nil there, and every node has refused.
func TestDHTRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 3, dht.Mode(dht.ModeServer))
		d := kadProbe(t, Options{}, servers...)
		got, err := kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonRefused, "3 of 3 nodes refused the put: its nodes need healthrecord.Validator")
		wantKadDetails(t, got, map[string]any{"asked": 3, "acked": 0, "held": 0, "absent": 3, "refused": 3, "silent": 0})
		if got := kadGathered(t, d)["chorus_dht_probe_peers,absent"]; got != 3 {
			t.Errorf("%v nodes are without it, want 3", got)
		}
	})
}

func TestDHTNobodyServes(t *testing.T) {
	for name, options := range map[string][]dht.Option{
		"all clients":  {dht.Mode(dht.ModeAuto)}, // without reachability nobody becomes a server
		"other prefix": {dht.Mode(dht.ModeServer), dht.ProtocolPrefix("/other")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := kadSwarm(t, 3, options...)
				d := kadProbe(t, Options{PeerWait: 300 * time.Millisecond}, servers...)
				got, err := kadDetails(t, d)
				wantKadFailure(t, err, probes.ReasonNoPeers, "3 peers are connected and none serves /chorus/kad/1.0.0")
				wantKadDetails(t, got, map[string]any{"connected_peers": 3, "servers": 0, "asked": 0})
			})
		})
	}
}

// With a small k and more nodes than fit into buckets of that size the client is at rest between runs: were it not, the clock
// of this test would stand still.
func TestDHTSmallBucketRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 10)
		d := kadProbe(t, Options{BucketSize: 1}, servers...)
		time.Sleep(time.Minute)
		n, err := d.attached()
		kadMust(t, err)
		if got := n.kad.RoutingTable().Size(); got != len(servers) {
			t.Errorf("the routing table holds %d nodes, want %d", got, len(servers))
		}
		got, err := kadDetails(t, d)
		kadMust(t, err)
		wantKadDetails(t, got, map[string]any{"asked": 1, "held": 1})
	})
}

// One of five nodes hangs: its connection stands, and nothing comes back.
func TestDHTOneHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 5)
		h := memnet.Host(t, false, nil)
		hung, proxy := memnet.Behind(t, servers[0])
		kadMust(t, h.Connect(t.Context(), hung))
		for _, s := range servers[1:] {
			kadConnect(t, h, s.Host)
		}
		d := kadProbeOn(t, h, Options{RPCTimeout: 400 * time.Millisecond, LookupTimeout: time.Second})
		got, err := kadDetails(t, d)
		kadMust(t, err)
		wantKadDetails(t, got, map[string]any{"held": 5, "silent": 0})

		proxy.Frozen.Store(true)
		for range 2 {
			start := time.Now()
			got, err = kadDetails(t, d)
			kadMust(t, err)
			wantKadDetails(t, got, map[string]any{"asked": 5, "acked": 4, "held": 4, "silent": 1, "corrupt": 0})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("the run took %v", took)
			}
		}
	})
}

// All are connected and none answers.
func TestDHTAllHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 1)
		h := memnet.Host(t, false, nil)
		hung, proxy := memnet.Behind(t, servers[0])
		kadMust(t, h.Connect(t.Context(), hung))
		d := kadProbeOn(t, h, Options{RPCTimeout: 200 * time.Millisecond, LookupTimeout: 200 * time.Millisecond})
		_, err := kadDetails(t, d)
		kadMust(t, err)
		proxy.Frozen.Store(true)
		got, err := kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonTimeout, "none of 1 nodes answered")
		wantKadDetails(t, got, map[string]any{"asked": 1, "silent": 1})

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := d.Probe(ctx); probes.ReasonOf(err) != probes.ReasonTimeout {
			t.Errorf("a run cut short: %v, want a timeout", err)
		}
	})
}

func TestDHTAllKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 3)
		d := kadProbe(t, Options{PeerWait: 100 * time.Millisecond}, servers...)
		_, err := kadDetails(t, d)
		kadMust(t, err)
		kadKillAll(t, d, servers)
		_, err = kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonNoPeers, "no peer is connected")
	})
}

// What stands under our key and is not ours is counted. It fails a run only where too few nodes hold what was put.
func TestDHTCorrupt(t *testing.T) {
	stranger, _, err := crypto.GenerateEd25519Key(rand.Reader)
	kadMust(t, err)
	forged, err := healthrecord.Sign(stranger, healthrecord.Record{Sequence: 1 << 63, Time: time.Now()})
	kadMust(t, err)
	for name, answer := range map[string]func(*pb.Message) *pb.Message{
		"garbage": kadHolding(func(string) []byte { return []byte("999|x") }),
		"nothing": kadHolding(func(string) []byte { return nil }),
		"forged":  kadHolding(func(string) []byte { return forged }),
		"other key": func(m *pb.Message) *pb.Message {
			a := kadEcho(m)
			if m.GetType() == pb.Message_GET_VALUE {
				a.Record = record.MakePutRecord("/health/other", []byte("x"))
			}
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := kadSwarm(t, 2)
				d := kadProbe(t, Options{MinHolders: 2}, servers...)
				n, err := d.attached()
				kadMust(t, err)
				kadConnect(t, n.host, kadLiar(t, answer))
				got, err := d.Probe(t.Context())
				kadMust(t, err)
				wantKadDetails(t, got.Details, map[string]any{"asked": 3, "acked": 3, "held": 2, "corrupt": 1})
				if want := "2 of 3 nodes hold it; 1 holds something else"; got.Message != want {
					t.Errorf("message %q, want %q", got.Message, want)
				}
				if got := kadGathered(t, d)["chorus_dht_integrity_failures_total"]; got != 1 {
					t.Errorf("integrity failures %v, want 1", got)
				}

				kadConnect(t, n.host, kadLiar(t, answer))
				servers[0].kill() // one right answer is left, of two required
				got, err = d.Probe(t.Context())
				wantKadFailure(t, err, probes.ReasonIntegrity, "nodes hold something else than what was put, and 1 hold it")
				wantKadDetails(t, got.Details, map[string]any{"held": 1, "corrupt": 2})
				if want := "nodes hold it; 2 hold something else"; !strings.HasSuffix(got.Message, want) {
					t.Errorf("message %q, want %q at its end", got.Message, want)
				}
			})
		})
	}
}

// A node that acknowledges every put and keeps the first is corrupt; one that refuses them is behind.
func TestDHTOldValue(t *testing.T) {
	for name, c := range map[string]struct {
		acks bool
		want map[string]any
	}{
		"acknowledged": {true, map[string]any{"acked": 2, "held": 1, "corrupt": 1, "stale": 0}},
		"refused":      {false, map[string]any{"acked": 1, "held": 1, "corrupt": 0, "stale": 1, "refused": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := kadProbe(t, Options{}, kadSwarm(t, 1)...)
				_, err := kadDetails(t, d)
				kadMust(t, err)
				n, err := d.attached()
				kadMust(t, err)
				first, err := n.slot.sign(5, time.Now(), nil)
				kadMust(t, err)
				kadConnect(t, n.host, kadLiar(t, func(m *pb.Message) *pb.Message {
					if m.GetType() == pb.Message_PUT_VALUE && !c.acks {
						return nil
					}
					return kadHolding(func(string) []byte { return first })(m)
				}))
				got, _ := kadDetails(t, d)
				wantKadDetails(t, got, c.want)
			})
		})
	}
}

// A newer record signed with our own key can only come from a second process with our identity.
func TestDHTSharedIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := kadProbe(t, Options{PeerWait: time.Second})
		n, err := d.attached()
		kadMust(t, err)
		later, err := n.slot.sign(uint64(time.Now().Add(time.Hour).UnixNano()), time.Now(), nil)
		kadMust(t, err)
		d.seq.read = true // the other process comes after our start
		kadConnect(t, n.host, kadLiar(t, kadHolding(func(string) []byte { return later })))
		got, err := kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonError, "another process uses this identity")
		wantKadDetails(t, got, map[string]any{"newer": 1, "corrupt": 0})
	})
}

// A thousand rounds leave one record on every node.
func TestDHTLeavesOneRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 3)
		d := kadProbe(t, Options{}, servers...)
		for range 1000 {
			if _, err := d.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range servers {
			if got := s.entries(t, "/health/"); len(got) != 1 {
				t.Errorf("server %d holds %d records: %v", i, len(got), got)
			}
		}
	})
}

// A restarted probe goes on from the sequence that the nodes hold, and so does one whose clock went back.
func TestDHTSequenceGoesOn(t *testing.T) {
	for _, namespace := range []string{NamespaceHealth, NamespaceIPNS} {
		t.Run(namespace, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := kadSwarm(t, 3)
				h := memnet.Host(t, false, nil)
				kadConnect(t, h, servers[0].Host, servers[1].Host, servers[2].Host)
				var last uint64
				for start, clock := range []time.Duration{0, -time.Hour, -2 * time.Hour} {
					d, err := New(Options{Leg: kadOwner{h}, Namespace: namespace, PropagationWait: time.Nanosecond})
					kadMust(t, err)
					d.now = func() time.Time { return time.Now().Add(clock) }
					ctx, cancel := context.WithCancel(t.Context())
					done := make(chan error, 1)
					go func() { done <- d.Run(ctx) }()
					for range 2 {
						kadAttached(t, d)
						got, err := kadDetails(t, d)
						kadMust(t, err)
						wantKadDetails(t, got, map[string]any{"held": 3})
						d.now = func() time.Time { return time.Now().Add(clock - 24*time.Hour) } // while it runs
					}
					if d.seq.last <= last {
						t.Errorf("start %d ends with sequence %d, no more than %d", start, d.seq.last, last)
					}
					last = d.seq.last
					cancel()
					kadMust(t, <-done)
				}
			})
		})
	}
}

// Any cluster with the default validators can be probed, the public DHT's protocol included.
func TestDHTNamespaceIPNS(t *testing.T) {
	for _, prefix := range []protocol.ID{DefaultProtocolPrefix, dht.DefaultPrefix} {
		t.Run(string(prefix), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers := kadSwarm(t, 3, dht.Mode(dht.ModeServer), dht.ProtocolPrefix(prefix))
				d := kadProbe(t, Options{Namespace: NamespaceIPNS, ProtocolPrefix: prefix}, servers...)
				for range 2 {
					got, err := kadDetails(t, d)
					kadMust(t, err)
					wantKadDetails(t, got, map[string]any{"held": 3, "namespace": "ipns"})
				}
				if got := servers[0].entries(t, "/ipns/"); len(got) != 1 {
					t.Errorf("records %v, want one", got)
				}
			})
		})
	}
}

// A DHT of the embedding program, a server itself: its own store is no witness.
func TestDHTOfAnEmbeddingProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 4)
		own := servers[0]
		d, err := New(Options{DHT: own.kad, PropagationWait: time.Nanosecond, PeerWait: 100 * time.Millisecond})
		kadMust(t, err)
		got, err := kadDetails(t, d) // no Run needed
		kadMust(t, err)
		wantKadDetails(t, got, map[string]any{"asked": 3, "held": 3})
		if got := own.entries(t, "/health/"); len(got) != 0 {
			t.Errorf("the own store holds %v", got)
		}
		kadKillAll(t, d, servers[1:])
		_, err = kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonNoPeers, "no peer is connected")
	})
}

func TestNewDHTRefuses(t *testing.T) {
	leg := kadOwner{}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"nothing to ask":  {Options{}, "set one of"},
		"namespace":       {Options{Leg: leg, Namespace: "pk"}, `namespace "pk"`},
		"prefix":          {Options{Leg: leg, ProtocolPrefix: "chorus"}, "slash"},
		"public DHT":      {Options{Leg: leg, ProtocolPrefix: "/ipfs"}, "namespace ipns"},
		"bucket size":     {Options{Leg: leg, BucketSize: 1000}, "1 to 256"},
		"minimum":         {Options{Leg: leg, MinHolders: 21}, "1 to 20"},
		"negative number": {Options{Leg: leg, Concurrency: -1}, "concurrency -1"},
		"negative time":   {Options{Leg: leg, RPCTimeout: -1}, "must be positive"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	d, err := New(Options{Leg: leg})
	kadMust(t, err)
	if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no host") {
		t.Errorf("Run without a host: %v", err)
	}
	_, err = kadDetails(t, d)
	wantKadFailure(t, err, probes.ReasonWarmingUp, "not running")
}
