package p2p

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	connmgri "github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/pnet"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// userAgent is what identify tells other nodes of us.
const userAgent = "chorus_exporter"

// hostOptions say what a dial-only host is made of.
type hostOptions struct {
	key           crypto.PrivKey
	gater         connmgri.ConnectionGater
	maxPeers      int // connections are bounded by it, see DefaultMaxPeers
	trim          bool
	psk           pnet.PSK
	quic          bool
	dialTimeout   time.Duration
	swarmTracer   swarm.MetricsTracer // optional
	limitReporter rcmgr.TraceReporter // optional
}

// slimHost is a host assembled from its parts. The root package of go-libp2p links every transport, relays, WebRTC and a
// dependency injector whatever its options say; of these it needs none. No relay, no NAT mapping, no address discovery
// is there that would have to be switched off, and it listens nowhere.
type slimHost struct {
	host.Host
	closers []func() error // what the host does not close itself, in the order of making
	once    sync.Once
	closed  error
}

// Close closes the connections and ends all goroutines of the host. Closing twice is harmless.
func (h *slimHost) Close() error {
	h.once.Do(func() { h.closed = errors.Join(h.Host.Close(), closeAll(h.closers)) })
	return h.closed
}

func closeAll(closers []func() error) error {
	var errs []error
	for _, closer := range slices.Backward(closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// newHost assembles a host. libp2p starts goroutines with it, which Close ends; it dials nobody by itself.
func newHost(o hostOptions) (_ *slimHost, err error) {
	var undo []func() error // until the host owns its parts
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make libp2p host: %w", err), closeAll(undo))
		}
	}()
	id, err := peer.IDFromPrivateKey(o.key)
	if err != nil {
		return nil, err
	}
	limits, err := newResources(o.maxPeers, o.limitReporter)
	if err != nil {
		return nil, err
	}
	undo = append(undo, limits.Close)
	known, err := newPeerstore(id, o.key)
	if err != nil {
		return nil, err
	}
	undo = append(undo, known.Close)
	bus := eventbus.NewBus()
	sw, err := newSwarm(id, known, bus, limits, o)
	if err != nil {
		return nil, err
	}
	undo = append(undo, sw.Close)
	closers, err := addTransports(sw, limits, o)
	undo = append(undo, closers...)
	if err != nil {
		return nil, err
	}
	options := &basichost.HostOpts{EventBus: bus, EnablePing: true, UserAgent: userAgent}
	if o.trim {
		trimmer, err := newTrimmer(o.maxPeers)
		if err != nil {
			return nil, err
		}
		undo = append(undo, trimmer.Close)
		options.ConnManager = trimmer
	}
	h, err := basichost.NewHost(sw, options)
	if err != nil {
		return nil, err
	}
	h.Start()
	return &slimHost{Host: h, closers: closers}, nil
}

// newPeerstore keeps what is known of other peers, bounded as DefaultMaxPeers says.
func newPeerstore(id peer.ID, key crypto.PrivKey) (peerstore.Peerstore, error) {
	known, err := pstoremem.NewPeerstore(
		pstoremem.WithMaxAddresses(maxAddrs), pstoremem.WithMaxSignedPeerRecords(maxAddrs/maxAddrsPerPeer),
		pstoremem.WithMaxAddressesPerPeer(maxAddrsPerPeer), pstoremem.WithMaxProtocols(maxProtocols))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(known.AddPrivKey(id, key), known.AddPubKey(id, key.GetPublic())); err != nil {
		return nil, errors.Join(err, known.Close())
	}
	return known, nil
}

// newSwarm makes the network of a host. It keeps no count of "black holes": after many failed dials that would refuse
// all of UDP or IPv6 for a while, when what was down may be up again.
func newSwarm(
	id peer.ID, known peerstore.Peerstore, bus event.Bus, limits network.ResourceManager, o hostOptions,
) (*swarm.Swarm, error) {
	options := []swarm.Option{
		swarm.WithConnectionGater(o.gater), swarm.WithResourceManager(limits),
		swarm.WithDialTimeout(o.dialTimeout), swarm.WithDialTimeoutLocal(o.dialTimeout),
		swarm.WithUDPBlackHoleSuccessCounter(nil), swarm.WithIPv6BlackHoleSuccessCounter(nil),
	}
	if o.swarmTracer != nil {
		options = append(options, swarm.WithMetricsTracer(o.swarmTracer))
	}
	return swarm.NewSwarm(id, known, bus, options...)
}

// addTransports gives a swarm TCP with TLS or Noise and yamux, and QUIC if asked for. It returns what must be closed
// after the swarm, also with an error.
func addTransports(sw *swarm.Swarm, limits network.ResourceManager, o hostOptions) (closers []func() error, err error) {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	withNoise, err := noise.New(noise.ID, o.key, muxers)
	if err != nil {
		return nil, err
	}
	withTLS, err := libp2ptls.New(libp2ptls.ID, o.key, muxers)
	if err != nil {
		return nil, err
	}
	up, err := upgrader.New([]sec.SecureTransport{withTLS, withNoise}, muxers, o.psk, limits, o.gater)
	if err != nil {
		return nil, err
	}
	var overTCP transport.Transport
	overTCP, err = tcp.NewTCPTransport(up, limits, nil, tcp.DisableReuseport(), tcp.WithConnectionTimeout(o.dialTimeout))
	if err != nil {
		return nil, err
	}
	if err := sw.AddTransport(overTCP); err != nil || !o.quic {
		return nil, err
	}
	var reset, token [32]byte
	rand.Read(reset[:]) // never fails
	rand.Read(token[:])
	sockets, err := quicreuse.NewConnManager(reset, token)
	if err != nil {
		return nil, err
	}
	closers = append(closers, sockets.Close)
	overQUIC, err := quic.NewTransport(o.key, sockets, o.psk, o.gater, limits)
	if err != nil {
		return closers, err
	}
	return closers, sw.AddTransport(overQUIC)
}
