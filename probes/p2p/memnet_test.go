package p2p

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"chorus/probes/p2p/memnet"
)

// testHost is a host in memory; with listen it can be dialled. gater may be nil.
func testHost(t testing.TB, listen bool, gater connmgr.ConnectionGater) host.Host {
	t.Helper()
	return memnet.Host(t, listen, gater)
}

// behindProxy returns where to dial h with a proxy in between.
func behindProxy(t testing.TB, h host.Host) (peer.AddrInfo, *memnet.Proxy) {
	t.Helper()
	return memnet.Behind(t, h)
}
