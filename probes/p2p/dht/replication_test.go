package dht

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multihash"

	"chorus/probes"
	"chorus/probes/p2p/healthrecord"
	"chorus/probes/p2p/memnet"
)

// anything accepts every value, the newest put wins.
type anything struct{}

func (anything) Validate(string, []byte) error        { return nil }
func (anything) Select(string, [][]byte) (int, error) { return 0, nil }

// appSwarm is a swarm whose application keeps values under /app.
func appSwarm(t testing.TB, n int) []*kadServer {
	t.Helper()
	return kadSwarm(t, n, dht.Mode(dht.ModeServer), dht.NamespacedValidator("app", anything{}),
		dht.NamespacedValidator("health", healthrecord.Validator{}))
}

// putTo stores value on exactly these servers.
func putTo(t testing.TB, key, value string, servers ...*kadServer) {
	t.Helper()
	from := memnet.Host(t, false, nil)
	o, err := Options{Leg: kadOwner{from}}.complete()
	kadMust(t, err)
	n := &dhtNode{host: from, sender: newDHTSender(from, o)}
	for _, s := range servers {
		kadConnect(t, from, s.Host)
		if acked, err := n.put(t.Context(), s.ID(), key, []byte(value)); !acked || err != nil {
			t.Fatalf("put: %v, %v", acked, err)
		}
	}
}

func testCID(t testing.TB, content string) cid.Cid {
	t.Helper()
	hash, err := multihash.Sum([]byte(content), multihash.SHA2_256, -1)
	kadMust(t, err)
	return cid.NewCidV1(cid.Raw, hash)
}

func TestReplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := appSwarm(t, 5)
		putTo(t, "/app/all", "x", servers...)
		putTo(t, "/app/two", "x", servers[:2]...)
		putTo(t, "/app/split", "right", servers[:3]...)
		putTo(t, "/app/split", "wrong", servers[3:]...)
		content := testCID(t, "content")
		kadMust(t, servers[0].kad.Provide(t.Context(), content, true))
		kadMust(t, servers[1].kad.Provide(t.Context(), content, true))
		time.Sleep(500 * time.Millisecond) // Provide does not wait for the nodes

		d := kadProbe(t, Options{}, servers[0])
		p, err := NewReplication(ReplicationOptions{DHT: d, MinHolders: 3, Keys: []WatchedKey{
			{Name: "all", Key: "/app/all"},
			{Name: "two", Key: "/app/two"},
			{Name: "split", Key: "/app/split", Value: []byte("right")},
			{Name: "none", Key: "/app/none"},
			{Name: "content", CID: content.String()},
			{Name: "nothing", CID: testCID(t, "nothing").String()},
		}})
		kadMust(t, err)
		wantKadGathered(t, p, map[string]float64{"chorus_replication_min_holders": 3, "chorus_replication_failures_total": 0})
		for run := 1.0; run <= 2; run++ { // counting repairs nothing
			got, err := kadDetails(t, p)
			kadMust(t, err)
			wantKadDetails(t, got, map[string]any{"watched_keys": 7, "looked_up": 7, "under_min_holders": 3, "fewest_holders": 0})
			wantKadGathered(t, p, map[string]float64{
				"chorus_replication_holders,all": 5, "chorus_replication_holders,two": 2, "chorus_replication_holders,split": 3,
				"chorus_replication_holders,none": 0, "chorus_replication_holders,content": 5,
				"chorus_replication_holders,nothing": 0, "chorus_replication_holders,probe": 5,
				"chorus_replication_provider_records,content": 2, "chorus_replication_provider_records,nothing": 0,
				"chorus_replication_factor_ratio": 1, "chorus_replication_min_holders": 3,
				"chorus_replication_failures_total": 3 * run, // two, none, nothing
			})
		}
		for i, s := range servers { // the record of our own was put once, by the first run
			if got := s.entries(t, "/health/"); len(got) != 1 {
				t.Errorf("server %d holds %v", i, got)
			}
		}
	})
}

// Some of the nodes lost the record since it was put: fewer holders, and a factor under 1.
func TestReplicationFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := kadSwarm(t, 4)
		d := kadProbe(t, Options{}, servers...)
		_, err := kadDetails(t, d)
		kadMust(t, err)
		for _, s := range servers[:3] {
			found := s.entries(t, "/health/")
			if len(found) != 1 {
				t.Fatalf("records %v, want one", found)
			}
			kadMust(t, s.store.Delete(t.Context(), datastoreKey(found[0])))
		}
		n, err := d.attached()
		kadMust(t, err)
		old, err := n.slot.sign(5, time.Now(), nil) // an older record of ours is not the one that was put
		kadMust(t, err)
		putTo(t, n.slot.key, string(old), servers[0])
		p, err := NewReplication(ReplicationOptions{DHT: d})
		kadMust(t, err)
		_, err = kadDetails(t, p)
		kadMust(t, err)
		got := kadGathered(t, p)
		if got["chorus_replication_holders,probe"] != 1 || got["chorus_replication_factor_ratio"] != 0.25 {
			t.Errorf("holders and factor: %v, want 1 and 0.25", got)
		}
	})
}

// A bucket size under the number of servers: as many as it says should hold the record, and they do.
func TestReplicationInASparseSwarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers []*kadServer // a line: everyone knows its neighbours
		for i := range 6 {
			s := kadSwarm(t, 1)[0]
			if i > 0 {
				kadConnect(t, s.Host, servers[i-1].Host)
			}
			servers = append(servers, s)
		}
		d := kadProbe(t, Options{BucketSize: 3}, servers[0], servers[5])
		p, err := NewReplication(ReplicationOptions{DHT: d})
		kadMust(t, err)
		var values map[string]float64
		for range 50 { // two lookups need not end at the same nodes while routing tables take their neighbours in
			time.Sleep(300 * time.Millisecond)
			got, err := kadDetails(t, d)
			kadMust(t, err)
			_, err = kadDetails(t, p)
			kadMust(t, err)
			values = kadGathered(t, p)
			if got["asked"] == 3 && got["held"] == 3 && values["chorus_replication_holders,probe"] == 3 {
				break
			}
		}
		if values["chorus_replication_holders,probe"] != 3 || values["chorus_replication_factor_ratio"] != 1 {
			t.Errorf("holders and factor: %v, want 3 and 1", values)
		}
	})
}

func TestReplicationCannotLook(t *testing.T) {
	keys := []WatchedKey{{Name: "a", Key: "/app/a"}, {Name: "c", CID: testCID(t, "x").String()}}
	want := map[string]float64{
		"chorus_replication_holders,a": math.NaN(), "chorus_replication_holders,c": math.NaN(),
		"chorus_replication_holders,probe": math.NaN(), "chorus_replication_provider_records,c": math.NaN(),
		"chorus_replication_factor_ratio": math.NaN(), "chorus_replication_min_holders": 2,
		"chorus_replication_failures_total": 3,
	}
	t.Run("no peers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, err := NewReplication(ReplicationOptions{DHT: kadProbe(t, Options{PeerWait: 50 * time.Millisecond}), Keys: keys})
			kadMust(t, err)
			_, err = kadDetails(t, p)
			wantKadFailure(t, err, probes.ReasonNoPeers, "no peer is connected")
			wantKadGathered(t, p, want)
		})
	})
	t.Run("nobody answers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := kadProbe(t, Options{RPCTimeout: 200 * time.Millisecond})
			n, err := d.attached()
			kadMust(t, err)
			kadConnect(t, n.host, kadLiar(t, func(*pb.Message) *pb.Message { return nil }))
			p, err := NewReplication(ReplicationOptions{DHT: d, Keys: keys})
			kadMust(t, err)
			_, err = kadDetails(t, p)
			wantKadFailure(t, err, probes.ReasonTimeout, "no node answered for 3 of 3 watched keys: a, c, probe")
			wantKadGathered(t, p, want)
		})
	})
	t.Run("not running", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, err := New(Options{Leg: kadOwner{}})
			kadMust(t, err)
			p, err := NewReplication(ReplicationOptions{DHT: d, Keys: keys})
			kadMust(t, err)
			_, err = kadDetails(t, p)
			wantKadFailure(t, err, probes.ReasonWarmingUp, "not running")
		})
	})
}

// A node may claim any number of providers: distinct valid peer IDs count, and no more than a bound.
func TestReplicationHostileProviders(t *testing.T) {
	var many []*pb.Message_Peer
	for i := range maxProviders + 100 {
		hash, err := multihash.Sum([]byte{byte(i), byte(i >> 8)}, multihash.SHA2_256, -1)
		kadMust(t, err)
		many = append(many, &pb.Message_Peer{Id: hash})
	}
	few := []*pb.Message_Peer{many[0], many[0], {Id: []byte("no peer")}, {}, nil}
	for name, c := range map[string]struct {
		claims []*pb.Message_Peer
		want   float64
	}{"the same and garbage": {few, 1}, "more than the bound": {many, maxProviders}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := kadProbe(t, Options{})
				n, err := d.attached()
				kadMust(t, err)
				kadConnect(t, n.host, kadLiar(t, func(m *pb.Message) *pb.Message {
					a := kadEcho(m)
					if m.GetType() == pb.Message_GET_PROVIDERS {
						a.ProviderPeers = c.claims
					}
					return a
				}))
				p, err := NewReplication(ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "c", CID: testCID(t, "x").String()}}})
				kadMust(t, err)
				_, err = kadDetails(t, p)
				kadMust(t, err)
				if got := kadGathered(t, p)["chorus_replication_provider_records,c"]; got != c.want {
					t.Errorf("%v providers, want %v", got, c.want)
				}
			})
		})
	}
}

func TestNewReplicationRefuses(t *testing.T) {
	d, err := New(Options{Leg: kadOwner{}})
	kadMust(t, err)
	good := WatchedKey{Name: "a", Key: "/app/a"}
	for name, c := range map[string]struct {
		o    ReplicationOptions
		want string
	}{
		"no DHT":       {ReplicationOptions{}, "no DHT"},
		"minimum":      {ReplicationOptions{DHT: d, MinHolders: -1}, "minimum of holders -1"},
		"no name":      {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Key: "/a/b"}}}, "name of 0 bytes"},
		"own name":     {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "probe", Key: "/a/b"}}}, "name is taken"},
		"twice":        {ReplicationOptions{DHT: d, Keys: []WatchedKey{good, good}}, `"a": the name is taken`},
		"nothing":      {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a"}}}, "set one of"},
		"both":         {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a", Key: "/a/b", CID: "x"}}}, "set one of"},
		"bad CID":      {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a", CID: "x"}}}, `CID "x"`},
		"bad key":      {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a", Key: "x"}}}, "/namespace/name"},
		"long key":     {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a", Key: "/a/" + strings.Repeat("x", 2000)}}}, "1024"},
		"CID of value": {ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a", CID: "x", Value: []byte{1}}}}, "no value"},
		"many":         {ReplicationOptions{DHT: d, Keys: make([]WatchedKey, 33)}, "at most 32"},
	} {
		if _, err := NewReplication(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

// The record of another key, and one that is empty, are nothing that is held.
func TestReplicationEmptyAndForeignRecords(t *testing.T) {
	for name, rec := range map[string]func(key string) (string, []byte){
		"empty":   func(key string) (string, []byte) { return key, nil },
		"foreign": func(string) (string, []byte) { return "/app/other", []byte("x") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := kadProbe(t, Options{})
				n, err := d.attached()
				kadMust(t, err)
				kadConnect(t, n.host, kadLiar(t, func(m *pb.Message) *pb.Message {
					a := kadEcho(m)
					if m.GetType() == pb.Message_GET_VALUE {
						key, value := rec(string(m.GetKey()))
						a.Record = record.MakePutRecord(key, value)
					}
					return a
				}))
				p, err := NewReplication(ReplicationOptions{DHT: d, Keys: []WatchedKey{{Name: "a", Key: "/app/a"}}})
				kadMust(t, err)
				r, err := p.Probe(t.Context())
				kadMust(t, err)
				if diff := cmp.Diff(map[string]int{"a": 0, "probe": 0}, r.Details["holders"]); diff != "" {
					t.Errorf("holders (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A closer peer that a node names is dialled through the host's gater and no other way.
func TestDHTDialsThroughTheGater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		victim := memnet.Host(t, true, nil)
		var named []*pb.Message_Peer
		for range 40 {
			other := memnet.Host(t, false, nil)
			named = append(named, &pb.Message_Peer{Id: []byte(other.ID()), Addrs: [][]byte{victim.Addrs()[0].Bytes()}})
		}
		guide := kadLiar(t, func(m *pb.Message) *pb.Message {
			a := kadEcho(m)
			a.CloserPeers = named
			if m.GetType() == pb.Message_GET_VALUE {
				a.CloserPeers, a.Record = named, nil
			}
			return a
		})
		gate := &kadGate{allowed: map[peer.ID]bool{guide.ID(): true}}
		h := memnet.Host(t, false, gate)
		kadConnect(t, h, guide)
		d := kadProbeOn(t, h, Options{RPCTimeout: time.Second})
		got, err := kadDetails(t, d)
		wantKadFailure(t, err, probes.ReasonError, "hold the value")
		wantKadDetails(t, got, map[string]any{"held": 0})
		if asked := got["asked"].(int); asked > DefaultBucketSize {
			t.Errorf("asked %d nodes", asked)
		}
		if gate.refused.Load() == 0 {
			t.Error("no dial was refused: the test shows nothing")
		}
		if n := len(victim.Network().Peers()); n != 0 {
			t.Errorf("the victim has %d connections", n)
		}
	})
}
