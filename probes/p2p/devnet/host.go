package devnet

import (
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

// newHost assembles a host from its parts: the root package of go-libp2p would link WebRTC, QUIC and fx. It listens on
// TCP on 127.0.0.1, on a free port if port is 0. It has no relay, no NAT mapping and no discovery. The caller closes it.
func newHost(key crypto.PrivKey, port int, g *gate, l *link) (host.Host, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	store, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(store.AddPrivKey(id, key), store.AddPubKey(id, key.GetPublic())); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	bus := eventbus.NewBus()
	net, err := swarm.NewSwarm(id, store, bus, swarm.WithConnectionGater(g))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	h, err := listen(net, key, port, g, l, &basichost.HostOpts{EventBus: bus, EnablePing: true, UserAgent: "chorus-devnet"})
	if err != nil {
		return nil, errors.Join(err, net.Close(), store.Close())
	}
	return h, nil
}

// listen gives net its transport and its address, and makes it a host.
func listen(net *swarm.Swarm, key crypto.PrivKey, port int, g *gate, l *link, o *basichost.HostOpts) (host.Host, error) {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	viaTLS, err := libp2ptls.New(libp2ptls.ID, key, muxers)
	if err != nil {
		return nil, err
	}
	viaNoise, err := noise.New(noise.ID, key, muxers)
	if err != nil {
		return nil, err
	}
	resources := &network.NullResourceManager{}
	up, err := upgrader.New([]sec.SecureTransport{viaTLS, viaNoise}, muxers, nil, resources, g)
	if err != nil {
		return nil, err
	}
	// Without reuse a port belongs to one node alone, and a node that dies gives it back.
	transport, err := tcp.NewTCPTransport(slowUpgrader{up, l}, resources, nil, tcp.DisableReuseport())
	if err != nil {
		return nil, err
	}
	if err := net.AddTransport(transport); err != nil {
		return nil, err
	}
	addr, err := ma.NewMultiaddr(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port))
	if err != nil {
		return nil, err
	}
	if err := net.Listen(addr); err != nil {
		return nil, err
	}
	h, err := basichost.NewHost(net, o)
	if err != nil {
		return nil, err
	}
	h.Start()
	return h, nil
}
