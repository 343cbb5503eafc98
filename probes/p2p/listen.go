package p2p

import (
	"context"
	"slices"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// validator judges a message of a topic.
type validator = func(context.Context, peer.ID, *pubsub.Message) pubsub.ValidationResult

// listener is a subscription, and the handle of its topic.
type listener struct {
	topic    *pubsub.Topic
	messages *pubsub.Subscription
	ends     []func()
}

// listen subscribes to a topic of ps. Where a guard stands in front of ps, which then is ours alone, validate is registered
// with it. joined is the handle of somebody who has joined already, and stays his; nil: nobody has.
func listen(ps *pubsub.PubSub, guard *Guard, name string, joined *pubsub.Topic, validate validator) (*listener, error) {
	l := &listener{topic: joined}
	if guard != nil {
		// Inline: it takes microseconds, and what it ignores is neither passed on nor held against who brought it.
		if err := ps.RegisterTopicValidator(name, validate, pubsub.WithValidatorInline(true)); err != nil {
			return nil, err
		}
		// It fails if pubsub has ended, and then is not needed.
		l.ends = append(l.ends, func() { _ = ps.UnregisterTopicValidator(name) })
	}
	var err error
	if l.topic == nil {
		if l.topic, err = ps.Join(name); err != nil {
			l.close()
			return nil, err
		}
		l.ends = append(l.ends, func() { _ = l.topic.Close() }) // it fails if pubsub has ended
	}
	if l.messages, err = l.topic.Subscribe(); err != nil {
		l.close()
		return nil, err
	}
	l.ends = append(l.ends, l.messages.Cancel)
	return l, nil
}

// close gives back what listen took, in reverse order.
func (l *listener) close() {
	for _, end := range slices.Backward(l.ends) {
		end()
	}
}
