// Package probetest has what tests of programs that embed the exporter need: two linked peers in memory, with levers, and a
// wait for a verdict.
package probetest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"
)

// Peer is one of two linked members of a cluster in memory. It publishes and subscribes, and holds values, as the interfaces
// of chorus/probes/peer ask for. All methods are safe for concurrent use.
type Peer struct {
	link *link
	mu   sync.Mutex
	subs map[string][]func([]byte)
	held map[string][]byte
}

// link is what two peers share.
type link struct {
	mu      sync.Mutex
	cut     bool
	corrupt bool
	fault   error
	peers   [2]*Peer
}

// Link returns two peers that hear each other, and themselves.
func Link() (a, b *Peer) {
	l := &link{}
	for i := range l.peers {
		l.peers[i] = &Peer{link: l, subs: map[string][]func([]byte){}, held: map[string][]byte{}}
	}
	return l.peers[0], l.peers[1]
}

// Cut cuts the link, or restores it: each peer hears itself alone.
func (p *Peer) Cut(on bool) { p.link.set(func(l *link) { l.cut = on }) }

// Corrupt changes a byte of everything that crosses the link.
func (p *Peer) Corrupt(on bool) { p.link.set(func(l *link) { l.corrupt = on }) }

// Fail makes every call fail with err, until it is called with nil.
func (p *Peer) Fail(err error) { p.link.set(func(l *link) { l.fault = err }) }

func (l *link) set(change func(*link)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// SubscribeToTopic calls handler with every message on the topic.
func (p *Peer) SubscribeToTopic(topic string, handler func([]byte)) error {
	if err := p.link.failing(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subs[topic] = append(p.subs[topic], handler)
	return nil
}

// PublishToTopic delivers data, encoded as JSON, to every subscriber that it reaches, before it returns.
func (p *Peer) PublishToTopic(topic string, data any) error {
	if err := p.link.failing(); err != nil {
		return err
	}
	message, err := json.Marshal(data)
	if err != nil {
		return err
	}
	for _, to := range p.reached() {
		to.mu.Lock()
		handlers := append([]func([]byte){}, to.subs[topic]...)
		to.mu.Unlock()
		for _, handle := range handlers {
			handle(p.crossing(to, message))
		}
	}
	return nil
}

// PutValue stores a value at every peer that it reaches.
func (p *Peer) PutValue(ctx context.Context, key string, value []byte) error {
	if err := errors.Join(ctx.Err(), p.link.failing()); err != nil {
		return err
	}
	for _, to := range p.reached() {
		to.mu.Lock()
		to.held[key] = p.crossing(to, value)
		to.mu.Unlock()
	}
	return nil
}

// GetValue returns the value that this peer holds; nil if it holds none.
func (p *Peer) GetValue(ctx context.Context, key string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), p.link.failing()); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]byte(nil), p.held[key]...), nil
}

func (l *link) failing() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// reached are the peers that hear p.
func (p *Peer) reached() []*Peer {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if p.link.cut {
		return []*Peer{p}
	}
	return p.link.peers[:]
}

// crossing is what arrives at another peer.
func (p *Peer) crossing(to *Peer, content []byte) []byte {
	out := append([]byte(nil), content...)
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if p.link.corrupt && to != p && len(out) > 0 {
		out[len(out)/2] ^= 1
	}
	return out
}

// Await waits until what status returns is want, and fails the test after a minute: machines can be slow. It is meant for
// Exporter.Status.
func Await[S comparable](t testing.TB, status func() S, want S) {
	t.Helper()
	const patience = time.Minute
	for end := time.Now().Add(patience); status() != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %v; it is %v", want, status())
		}
	}
}
