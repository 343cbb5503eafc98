package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"chorus/probes"
)

// PubSub is a member that publishes and subscribes. Data is a map of texts, which every encoding knows; a handler gets a
// message as the member delivers it.
type PubSub interface {
	SubscribeToTopic(topic string, handler func([]byte)) error
	PublishToTopic(topic string, data any) error
}

// PubSubOptions configure a PubSubProbe.
type PubSubOptions struct {
	Writer PubSub // publishes. Required
	// Reader is another member, with connections of its own. Nil, or the same as Writer: the check is degraded.
	Reader PubSub
	Topic  string // one that no application uses. Required
}

// PubSubProbe is a probes.Probe that publishes a message which nobody has seen before and waits until the reader gets it.
type PubSubProbe struct {
	o    PubSubOptions
	self bool

	mu         sync.Mutex
	subscribed bool
	publishing bool                     // a call that has not returned
	waiting    map[string]chan struct{} // for a message with the text
}

// NewPubSub checks the options. It neither subscribes nor publishes: the first run does.
func NewPubSub(o PubSubOptions) (*PubSubProbe, error) {
	switch {
	case o.Writer == nil:
		return nil, errors.New("pubsub probe: no Writer; set one")
	case o.Topic == "":
		return nil, errors.New("pubsub probe: no Topic; set one that no application uses")
	}
	self := o.Reader == nil || same(o.Writer, o.Reader)
	if o.Reader == nil {
		o.Reader = o.Writer
	}
	return &PubSubProbe{o: o, self: self, waiting: map[string]chan struct{}{}}, nil
}

// Probe implements probes.Probe.
func (p *PubSubProbe) Probe(ctx context.Context) (probes.Result, error) {
	res := probes.Result{Details: map[string]any{probes.DetailMode: mode(p.self, "relayed"), "topic": p.o.Topic}}
	if err := p.subscribe(); err != nil {
		return res, fmt.Errorf("subscribe to %s: %w", p.o.Topic, err)
	}
	nonce, err := fresh()
	if err != nil {
		return res, err
	}
	arrived := make(chan struct{}, 1)
	p.mu.Lock()
	p.waiting[nonce] = arrived
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, nonce)
		p.mu.Unlock()
	}()

	began := time.Now()
	published, err := p.publish(nonce)
	if err != nil {
		return res, err
	}
	for {
		select {
		case <-arrived:
			res.Message = fmt.Sprintf("message arrived after %s", took(began))
			return res, nil
		case err := <-published:
			if err != nil {
				return res, fmt.Errorf("publish on %s: %w", p.o.Topic, err)
			}
			published = nil
		case <-ctx.Done():
			err := fmt.Errorf("no message arrived on %s within %s", p.o.Topic, took(began))
			if published != nil {
				err = fmt.Errorf("publishing on %s did not return within %s", p.o.Topic, took(began))
			}
			return res, probes.WithReason(probes.ReasonTimeout, err)
		}
	}
}

// subscribe subscribes the reader, once.
func (p *PubSubProbe) subscribe() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subscribed {
		return nil
	}
	if err := p.o.Reader.SubscribeToTopic(p.o.Topic, p.receive); err != nil {
		return err
	}
	p.subscribed = true
	return nil
}

// receive looks for the text that is waited for. A message of somebody else, late, or huge is left alone.
func (p *PubSubProbe) receive(message []byte) {
	if len(message) > maxMessage {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for nonce, arrived := range p.waiting {
		if bytes.Contains(message, []byte(nonce)) {
			select {
			case arrived <- struct{}{}:
			default: // a second copy
			}
		}
	}
}

// publish publishes in a goroutine of its own, since the member may hang. Never two at once: what hangs is left to itself.
func (p *PubSubProbe) publish(nonce string) (<-chan error, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.publishing {
		err := fmt.Errorf("publishing on %s has not returned since an earlier run", p.o.Topic)
		return nil, probes.WithReason(probes.ReasonTimeout, err)
	}
	p.publishing = true
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- probes.WithReason(probes.ReasonPanic, fmt.Errorf("panic: %v", r))
			}
			p.mu.Lock()
			p.publishing = false
			p.mu.Unlock()
		}()
		done <- p.o.Writer.PublishToTopic(p.o.Topic, map[string]string{"type": "health-probe", "id": nonce})
	}()
	return done, nil
}

// Check is the spec of the check that the probe decides: critical, of the component pubsub.
func (p *PubSubProbe) Check(name string) probes.Spec {
	return probes.Spec{
		Name: name, Description: "A message goes from one member of the cluster to another.", Component: "pubsub", Critical: true,
		Probe: p,
	}
}
