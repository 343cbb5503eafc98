package p2p

import (
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/encoding/protowire"

	"chorus/probes/p2p/wire"
)

// Bounds of what is left of one RPC. An empty element takes 2 bytes on the wire and up to 200 in memory, so a bound on
// bytes alone is none. Honest nodes stay far below on the few topics that are ours: what they know of other topics is
// dropped before it is counted.
const (
	maxFrameSubs     = 64      // subscriptions
	maxFrameMessages = 128     // messages
	maxFrameControls = 256     // IHAVE, IWANT, GRAFT, PRUNE and IDONTWANT
	maxFrameIDs      = 1 << 14 // message ids in them; GossipSub's own limit is 5000 a topic
	maxFrameHello    = 1 << 10 // bytes of the extensions a node announces
)

// Fields of the messages in rpc.proto.
const (
	rpcSubscriptions, rpcPublish, rpcControl                                     = 1, 2, 3
	subTopic                                                                     = 2
	controlIHave, controlIWant, controlGraft, controlPrune, controlIDontWant     = 1, 2, 3, 4, 5
	controlExtensions                                                            = 6
	controlTopic, ihaveIDs, iwantIDs, prunePeers                                 = 1, 2, 1, 2
	messageFrom, messageData, messageSeqno, messageTopic, messageSig, messageKey = 1, 2, 3, 4, 5, 6
)

// screen is what decides what is left of an RPC before it is decoded. Streams of several neighbours call it at once.
type screen interface {
	CanSubscribe(topic string) bool
	// screen says whether a message may go on to pubsub's loop, where more is asked of it. It must not keep m.
	screen(hop peer.ID, m *pb.Message) bool
	// surplus is told of a message that may go on, and is too much for one RPC.
	surplus(topic string)
	// empty is told of an RPC of which nothing is left.
	empty()
}

// frame is one RPC on its way through a screen.
type frame struct {
	by                       screen
	hop                      peer.ID
	subs, messages, controls int // kept
	ids                      int
	topic                    string // the last seen: mostly the next one too
	m                        *pb.Message
	kept                     []byte
}

// sift leaves of an encoded RPC what passes the screen. It works in place: body is overwritten. An error says that body is
// no RPC.
func sift(body []byte, hop peer.ID, by screen) ([]byte, error) {
	f := frame{by: by, hop: hop, m: &pb.Message{}, kept: body[:0]}
	err := wire.EachField(body, func(number protowire.Number, value []byte) error {
		switch number {
		case rpcSubscriptions:
			return f.subscription(value)
		case rpcPublish:
			return f.message(value)
		case rpcControl:
			return f.control(value)
		}
		return nil // partial messages and experiments: nothing that we asked for
	})
	return f.kept, err
}

// keep appends a field. What is kept ends before what is yet to be read begins, and is never longer than it was.
func (f *frame) keep(number protowire.Number, value []byte) {
	f.kept = appendField(f.kept, number, value)
}

func appendField(to []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), value)
}

// name is a topic as a string, which is made again only when it is another than the last.
func (f *frame) name(topic []byte) string {
	if f.topic != string(topic) {
		f.topic = string(topic)
	}
	return f.topic
}

func (f *frame) subscription(value []byte) error {
	var topic []byte
	err := wire.EachField(value, func(number protowire.Number, v []byte) error {
		if number == subTopic {
			topic = v
		}
		return nil
	})
	if err == nil && f.subs < maxFrameSubs && f.by.CanSubscribe(f.name(topic)) {
		f.subs++
		f.keep(rpcSubscriptions, value)
	}
	return err
}

func (f *frame) message(value []byte) error {
	m := f.m // each is looked at and forgotten
	m.From, m.Data, m.Seqno, m.Topic, m.Signature, m.Key = nil, nil, nil, nil, nil, nil
	err := wire.EachField(value, func(number protowire.Number, v []byte) error {
		switch number {
		case messageFrom:
			m.From = v
		case messageData:
			m.Data = v
		case messageSeqno:
			m.Seqno = v
		case messageTopic:
			f.name(v)
			m.Topic = &f.topic
		case messageSig:
			m.Signature = v
		case messageKey:
			m.Key = v
		}
		return nil
	})
	switch {
	case err != nil || !f.by.screen(f.hop, m):
		return err
	case f.messages >= maxFrameMessages:
		f.by.surplus(m.GetTopic())
		return nil
	}
	f.messages++
	f.keep(rpcPublish, value)
	return nil
}

// control keeps what concerns our topics, without peer exchange. An RPC may hold several, which count as one.
func (f *frame) control(value []byte) error {
	var kept []byte
	err := wire.EachField(value, func(number protowire.Number, v []byte) error {
		left, ok, err := f.element(number, v)
		if ok && err == nil && f.controls < maxFrameControls {
			f.controls++
			kept = appendField(kept, number, left)
		}
		return err
	})
	if err == nil && len(kept) > 0 {
		f.keep(rpcControl, kept)
	}
	return err
}

// element is what is left of an element of a control message, if it is kept.
func (f *frame) element(number protowire.Number, value []byte) (left []byte, ok bool, err error) {
	switch number {
	case controlIHave:
		return f.about(value, ihaveIDs)
	case controlIWant, controlIDontWant:
		ids, err := count(value, iwantIDs)
		return value, err == nil && f.afford(ids), err
	case controlGraft:
		return f.about(value, 0)
	case controlPrune:
		left, ok, err := f.about(value, 0)
		if ok {
			left, err = without(value, prunePeers)
		}
		return left, ok, err
	case controlExtensions:
		return value, len(value) <= maxFrameHello, nil
	}
	return nil, false, nil
}

// about keeps an element of one of our topics that has not too many ids.
func (f *frame) about(value []byte, ids protowire.Number) (left []byte, ok bool, err error) {
	var topic []byte
	n := 0
	err = wire.EachField(value, func(number protowire.Number, v []byte) error {
		switch number {
		case controlTopic:
			topic = v
		case ids:
			n++
		}
		return nil
	})
	return value, err == nil && f.by.CanSubscribe(f.name(topic)) && f.afford(n), err
}

// afford takes ids from what one RPC may hold, if there are as many.
func (f *frame) afford(ids int) bool {
	if f.ids+ids > maxFrameIDs {
		return false
	}
	f.ids += ids
	return true
}

// count is how many fields of that number a message has.
func count(value []byte, of protowire.Number) (n int, err error) {
	err = wire.EachField(value, func(number protowire.Number, _ []byte) error {
		if number == of {
			n++
		}
		return nil
	})
	return n, err
}

// without is a message without the fields of that number. Its other fields are numbers, or bytes that are dropped too.
func without(value []byte, drop protowire.Number) (left []byte, err error) {
	for rest := value; len(rest) > 0; {
		number, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		if number != drop {
			left = append(left, rest[:n]...)
		}
		rest = rest[n:]
	}
	return left, nil
}
