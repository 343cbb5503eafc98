package devnet

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	dhtpb "github.com/libp2p/go-libp2p-kad-dht/pb"
	record "github.com/libp2p/go-libp2p-record"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// client is somebody outside the swarm, connected to one node of it.
type client struct {
	host.Host
	records *dhtpb.ProtocolMessenger
	node    peer.ID
}

func connect(t *testing.T, to peer.AddrInfo) *client {
	t.Helper()
	key, err := identity(rand.Text(), 0)
	must(t, err)
	h, err := newHost(key, 0, &gate{}, &link{})
	must(t, err)
	d, err := dht.New(h, dht.ProtocolPrefix("/chorus"), dht.Mode(dht.ModeClient), dht.DisableAutoRefresh(),
		dht.NamespacedValidator("health", anyValue{}))
	must(t, err)
	t.Cleanup(func() {
		d.Close()
		h.Close()
	})
	must(t, h.Connect(t.Context(), to))
	messenger, err := dhtpb.NewProtocolMessenger(d.MessageSender())
	must(t, err)
	return &client{Host: h, records: messenger, node: to.ID}
}

func (c *client) put(t *testing.T, key, value string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return c.records.PutValue(ctx, c.node, record.MakePutRecord(key, []byte(value)))
}

func (c *client) get(t *testing.T, key string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, _, err := c.records.GetValue(ctx, c.node, key)
	must(t, err)
	return string(r.GetValue())
}

// ping is one round trip.
func (c *client) ping(ctx context.Context, timeout time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r := <-ping.Ping(ctx, c.Host, c.node)
	if r.Error == nil {
		r.Error = ctx.Err() // the channel was closed without a result
	}
	return r.RTT, r.Error
}
