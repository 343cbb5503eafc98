package memnet

import (
	"crypto/rand"
	"testing"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	ma "github.com/multiformats/go-multiaddr"
)

// Host is a host of its parts, as ours are, until the end of the test; with listen it can be dialled, on loopback. It
// answers pings. gater may be nil.
func Host(t testing.TB, listen bool, gater connmgr.ConnectionGater) host.Host {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	must(t, err)
	id, err := peer.IDFromPrivateKey(key)
	must(t, err)
	ps, err := pstoremem.NewPeerstore()
	must(t, err)
	must(t, ps.AddPrivKey(id, key))
	must(t, ps.AddPubKey(id, key.GetPublic()))
	bus := eventbus.NewBus()
	var options []swarm.Option
	if gater != nil {
		options = append(options, swarm.WithConnectionGater(gater))
	}
	sw, err := swarm.NewSwarm(id, ps, bus, options...)
	must(t, err)
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := noise.New(noise.ID, key, muxers)
	must(t, err)
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, nil, gater)
	must(t, err)
	must(t, sw.AddTransport(transportOf{up}))
	if listen {
		must(t, sw.Listen(ma.StringCast("/ip4/127.0.0.1/tcp/0")))
	}
	h, err := basichost.NewHost(sw, &basichost.HostOpts{EventBus: bus, EnablePing: true})
	must(t, err)
	h.Start()
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
