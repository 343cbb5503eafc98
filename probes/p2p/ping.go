package p2p

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multistream"
)

// Defaults of PingOptions. A node that hangs is out of Leg.Responsive after 8 s at the latest and dialled again after 16 s,
// while libp2p itself would keep it connected for 37 s.
const (
	DefaultPingInterval    = 5 * time.Second
	DefaultPingTimeout     = 3 * time.Second
	DefaultPingMaxFailures = 3
)

// pingAgain is how soon a failed ping is repeated, unless the interval is shorter.
const pingAgain = time.Second

// errPingUnsupported says that a node does not speak ping. It said so itself, so it is alive; only its latency is unknown.
var errPingUnsupported = errors.New("the node does not speak ping")

// PingOptions say how connections are tested. Zero fields have defaults.
type PingOptions struct {
	Interval    time.Duration // between the pings to one node; the first follows the connection at once
	Timeout     time.Duration // of one ping
	MaxFailures int           // in a row, after which the connection is closed and the node dialled again
}

func (o PingOptions) withDefaults() (PingOptions, error) {
	o.Interval = cmp.Or(o.Interval, DefaultPingInterval)
	o.Timeout = cmp.Or(o.Timeout, DefaultPingTimeout)
	o.MaxFailures = cmp.Or(o.MaxFailures, DefaultPingMaxFailures)
	if o.Interval < 0 || o.Timeout < 0 || o.MaxFailures < 0 {
		return o, fmt.Errorf("ping interval %v, timeout %v and max failures %d must be positive", o.Interval, o.Timeout, o.MaxFailures)
	}
	return o, nil
}

// Check says what is wrong with the options.
func (o PingOptions) Check() error {
	_, err := o.withDefaults()
	return err
}

// ApplyPing puts other ping options into force at every leg, or none if one is wrong. Connections are pinged at once.
func (p *Presence) ApplyPing(o PingOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	for _, l := range p.legs {
		l.applyPing(o)
	}
	return nil
}

// applyPing takes options that are complete.
func (l *Leg) applyPing(o PingOptions) {
	l.pinging.Store(&o)
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, k := range l.links {
		k.nudge()
	}
}

// pingPeer sends 32 random bytes over a connection that is there, and returns when they are back. It dials nobody.
func pingPeer(ctx context.Context, h host.Host, id peer.ID) (rtt time.Duration, err error) {
	s, err := h.NewStream(network.WithNoDial(ctx, "ping"), id, ping.ID)
	if err != nil {
		return 0, pingError(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() }) // ends a blocked write or read
	defer stop()
	defer func() { _ = s.Reset() }()
	if err := s.Scope().SetService(ping.ServiceName); err != nil {
		return 0, err
	}
	var sent, back [ping.PingSize]byte
	rand.Read(sent[:]) // never fails
	began := time.Now()
	if _, err = s.Write(sent[:]); err == nil {
		_, err = io.ReadFull(s, back[:])
	}
	rtt = time.Since(began)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil:
		return 0, pingError(err)
	case !bytes.Equal(sent[:], back[:]):
		return 0, errors.New("the answer to a ping was not what had been sent")
	}
	return rtt, s.Close()
}

// pingError tells a node that does not speak ping from one that does not answer.
func pingError(err error) error {
	if errors.Is(err, multistream.ErrNotSupported[protocol.ID]{}) {
		return errPingUnsupported
	}
	return err
}
