package dht

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	kbucket "github.com/libp2p/go-libp2p-kbucket"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"chorus/probes"
)

// serverPoll is how often a run without anybody to ask looks again.
const serverPoll = 50 * time.Millisecond

// dhtNode is a Kademlia client and the host under it.
type dhtNode struct {
	host     host.Host
	kad      *dht.IpfsDHT
	sender   pb.MessageSender
	slot     *recordSlot
	protocol protocol.ID
}

func newDHTNode(o Options, h host.Host, kad *dht.IpfsDHT, sender pb.MessageSender) (*dhtNode, error) {
	key := h.Peerstore().PrivKey(h.ID())
	if key == nil {
		return nil, errors.New("the peerstore does not hold the host's private key, which signs the record")
	}
	slot, err := newRecordSlot(o.Namespace, key)
	if err != nil {
		return nil, err
	}
	return &dhtNode{host: h, kad: kad, sender: sender, slot: slot, protocol: o.ProtocolPrefix + kadProtocol}, nil
}

// servers are the connected nodes that speak the protocol.
func (n *dhtNode) servers() []peer.ID {
	return slices.DeleteFunc(n.host.Network().Peers(), func(p peer.ID) bool {
		speaks, err := n.host.Peerstore().SupportsProtocols(p, n.protocol)
		return err != nil || len(speaks) == 0 || p == n.host.ID()
	})
}

// awaitServers waits until there is somebody to ask, and until the leg has tried all its targets. A connection is known
// before what its node speaks is.
func (d *Probe) awaitServers(ctx context.Context, n *dhtNode) error {
	ctx, cancel := part(ctx, 1./2)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, d.options.PeerWait)
	defer stop()
	for len(n.servers()) == 0 || !d.settled() {
		if sleep(ctx, serverPoll) == nil {
			continue
		}
		if len(n.servers()) > 0 { // some targets take long: those that are there can be asked
			return nil
		}
		err := errors.New("no peer is connected")
		if peers := len(n.host.Network().Peers()); peers > 0 {
			err = fmt.Errorf("%d peers are connected and none serves %s: no node runs the DHT in server mode, "+
				"or the cluster's protocol prefix is another", peers, n.protocol)
		}
		return probes.WithReason(probes.ReasonNoPeers, err)
	}
	return nil
}

// settled reports whether waiting brings no more nodes.
func (d *Probe) settled() bool {
	leg, ok := d.options.Leg.(interface{ Settled() bool })
	return !ok || leg.Settled()
}

// nearest are the nodes that key belongs to, closest first, at most BucketSize. What a lookup finds within its time is
// joined by the servers we are connected to: a lookup drops a node that does not answer, and that node has to be seen.
// complete says that the lookup came to its end.
func (d *Probe) nearest(ctx context.Context, n *dhtNode, key string) (near []peer.ID, complete bool) {
	ctx, cancel := part(ctx, 1./3)
	defer cancel()
	lookup, stop := context.WithTimeout(ctx, d.options.LookupTimeout)
	defer stop()
	known := n.servers()
	found, err := n.kad.GetClosestPeers(lookup, key)
	near = slices.Concat(found, known, n.servers())
	slices.Sort(near)
	near = slices.DeleteFunc(slices.Compact(near), func(p peer.ID) bool { return p == n.host.ID() })
	near = kbucket.SortClosestPeers(near, kbucket.ConvertKey(key))
	return near[:min(len(near), d.options.BucketSize)], err == nil
}

// ask calls question for every peer, each under a timeout of its own, and all within a share of the time that is left; of
// all that d asks, at most Concurrency are under way at once. What question is told first is the peer's place in peers.
func (d *Probe) ask(
	ctx context.Context, share float64, peers []peer.ID, question func(ctx context.Context, i int, p peer.ID),
) {
	ctx, cancel := part(ctx, share)
	defer cancel()
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() {
			select {
			case d.requests <- struct{}{}:
				defer func() { <-d.requests }()
			case <-ctx.Done(): // the question fails at once
			}
			ctx, cancel := context.WithTimeout(ctx, d.options.RPCTimeout)
			defer cancel()
			question(ctx, i, p)
		})
	}
	all.Wait()
}

// put asks p to store value. acked says that it repeated the value, as a node does that has stored it.
func (n *dhtNode) put(ctx context.Context, p peer.ID, key string, value []byte) (acked bool, err error) {
	m := pb.NewMessage(pb.Message_PUT_VALUE, []byte(key), 0)
	m.Record = record.MakePutRecord(key, value)
	answer, err := n.sender.SendRequest(ctx, p, m)
	if err != nil {
		return false, cmp.Or(ctx.Err(), err)
	}
	return bytes.Equal(answer.GetRecord().GetValue(), value), nil
}

// get asks p what it holds under key. found is false for an answer without a record. A record of another key is an answer
// too, and no value can pass for ours under it.
func (n *dhtNode) get(ctx context.Context, p peer.ID, key string) (value []byte, found bool, err error) {
	answer, err := n.sender.SendRequest(ctx, p, pb.NewMessage(pb.Message_GET_VALUE, []byte(key), 0))
	if err != nil {
		return nil, false, cmp.Or(ctx.Err(), err)
	}
	rec := answer.GetRecord()
	if rec == nil {
		return nil, false, nil
	}
	if string(rec.GetKey()) != key {
		return nil, true, nil
	}
	return rec.GetValue(), true, nil
}

// providers asks p who provides the content that hash names.
func (n *dhtNode) providers(ctx context.Context, p peer.ID, hash []byte) ([]peer.ID, error) {
	answer, err := n.sender.SendRequest(ctx, p, pb.NewMessage(pb.Message_GET_PROVIDERS, hash, 0))
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	var ids []peer.ID
	for _, provider := range answer.GetProviderPeers() {
		if id, err := peer.IDFromBytes(provider.GetId()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// part gives one step of a run a share of the time that is left: a node that hangs must not use up what the steps after
// it need to ask the others.
func part(ctx context.Context, share float64) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(share*float64(time.Until(end))))
}

// Shares of the time that is left, for ask: of a step that others follow, and of the last one, which leaves enough to say
// what came of it. With one node that hangs every step takes its whole share: of a timeout of 1s some 80ms are left at the
// end, which a busy machine needs.
const (
	stepShare = 1. / 2
	lastShare = 2. / 3
)

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
