//go:build e2e

package main

import (
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"

	"chorus/probes/p2p/devnet"
)

// content names what somebody in the cluster provides.
const content = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

// provide has a host of the test's announce to the nodes of a swarm that it provides the content.
func provide(t *testing.T, s *devnet.Swarm) {
	t.Helper()
	key, err := cid.Decode(content)
	must(t, err)
	_, host := newHost(t, nil)
	d, err := dht.New(host,
		dht.Mode(dht.ModeClient), dht.ProtocolPrefix("/chorus"), dht.BootstrapPeers(s.Infos()...), dht.DisableValues())
	must(t, err)
	t.Cleanup(func() { d.Close() })
	must(t, d.Bootstrap(t.Context()))
	for end := time.Now().Add(patience); d.RoutingTable().Size() < len(s.Infos()); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the provider knows %d nodes, want all %d", d.RoutingTable().Size(), len(s.Infos()))
		}
	}
	must(t, d.Provide(t.Context(), key, true))
}
