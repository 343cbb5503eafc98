package devnet

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	record "github.com/libp2p/go-libp2p-record"
)

func TestEverybodyReceivesAPublish(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 5)
	must(t, s.slots[2].member.(*local).node.topics.health[0].Publish(t.Context(), []byte("hello")))
	eventually(t, "every node receives it once", func() (bool, any) {
		var got []uint64
		for i := range 5 {
			got = append(got, report(t, s, i).Received)
		}
		return cmp.Equal(got, []uint64{1, 1, 1, 1, 1}), got
	})
}

func TestTwentyNodes(t *testing.T) {
	s := startSwarm(t, 20)
	must(t, s.slots[0].member.(*local).node.topics.health[0].Publish(t.Context(), []byte("hello")))
	eventually(t, "all receive it", func() (bool, any) {
		n := uint64(0)
		for i := range 20 {
			n += report(t, s, i).Received
		}
		return n == 20, n
	})
	leaders(t, s, 0)
}

func TestIdentitiesFollowTheSeed(t *testing.T) {
	t.Parallel()
	ids := func(seed string) []string {
		s, err := Start(t.Context(), Options{Nodes: 2, Seed: seed, HeartbeatInterval: quick})
		must(t, err)
		defer s.Stop()
		var ids []string
		for _, n := range s.Status(t.Context()) {
			ids = append(ids, n.ID)
		}
		return ids
	}
	first := ids("a")
	if diff := cmp.Diff(first, ids("a")); diff != "" {
		t.Errorf("the same seed makes other identities: %s", diff)
	}
	if cmp.Equal(first, ids("b")) || first[0] == first[1] {
		t.Errorf("identities are not distinct: %v", first)
	}
}

func TestSwarmEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Options{Nodes: 3, HeartbeatInterval: quick})
	must(t, err)
	cancel()
	<-s.Done()
	must(t, s.Stop())
	for _, n := range s.Status(t.Context()) {
		if n.State != StateDead {
			t.Errorf("node %d is %s", n.Index, n.State)
		}
	}
	if err := s.Heal(); err == nil {
		t.Error("a lever of a stopped swarm moved")
	}
}

func TestRefusedOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]Options{
		"no nodes":               {},
		"too many":               {Nodes: maxNodes + 1},
		"ports beyond the last":  {Nodes: 3, Port: 65534},
		"negative interval":      {Nodes: 1, HeartbeatInterval: -1},
		"a topic twice":          {Nodes: 1, Topics: []string{"a", "a"}},
		"no prefix":              {Nodes: 1, ProtocolPrefix: "chorus"},
		"a validator of its own": {Nodes: 1, Validators: map[string]record.Validator{"pk": anyValue{}}},
		"a peer elsewhere": {Nodes: 1, Peers: []string{
			"/ip4/192.0.2.1/tcp/1/p2p/12D3KooWGRUVh7Ch4kMpAcThEHJP8HMBwLVTGCPrBCEGpjVbSrTc",
		}},
		"a peer without id": {Nodes: 1, Peers: []string{"/ip4/127.0.0.1/tcp/1"}},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, err := Start(t.Context(), o); err == nil {
				s.Stop()
				t.Error("no error")
			} else {
				t.Log(err)
			}
		})
	}
}
