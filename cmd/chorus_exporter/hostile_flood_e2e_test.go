//go:build e2e

package main

import (
	"testing"
	"time"

	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// The flood: more than the rate that must be borne, so that what is measured reaches it.
const (
	floodRate  = 100_000 // messages a second, at least
	floodPace  = 125_000 // messages a second that the hostile node tries to send
	floodLasts = 30 * time.Second
	floodBatch = 1250 // messages in one write
)

// floods are batches of heartbeats made beforehand, each of which the exporter must look at to turn it away: by strangers,
// by the leader as it would seem, with no signature, with a wrong one, and too large in one part or the other. Some come
// as one RPC, some as an RPC each.
func floods(t *testing.T, leader peer.ID) (batches [][]byte) {
	t.Helper()
	stranger := strangers(1)[0]
	data := beat(leader, 1<<40, time.Now())
	kinds := []func() *pubsubpb.Message{
		func() *pubsubpb.Message { return message(t, stranger, nil, []byte("junk")) },
		func() *pubsubpb.Message { return message(t, leader, nil, data) },
		func() *pubsubpb.Message {
			m := message(t, leader, nil, data)
			m.Signature = randomBytes(64)
			return m
		},
		func() *pubsubpb.Message {
			m := message(t, leader, nil, nil)
			m.Seqno = make([]byte, 100)
			return m
		},
	}
	for i := range 16 {
		rpc, single := &pubsubpb.RPC{}, []byte(nil)
		for j := range floodBatch {
			m := kinds[(i+j)%len(kinds)]()
			if i%4 == 0 {
				single = append(single, encodeRPC(t, &pubsubpb.RPC{Publish: []*pubsubpb.Message{m}})...)
			} else {
				rpc.Publish = append(rpc.Publish, m)
			}
		}
		if i%4 == 0 {
			batches = append(batches, single)
		} else {
			batches = append(batches, encodeRPC(t, rpc))
		}
	}
	return batches
}

// pour sends batches for a while, and returns how many messages the exporter's connection has taken.
func (h *hostile) pour(batches [][]byte, while time.Duration) (sent int) {
	began := time.Now()
	for i := 0; time.Since(began) < while; i++ {
		if due := began.Add(time.Duration(i) * time.Second * floodBatch / floodPace); time.Until(due) > 0 {
			time.Sleep(time.Until(due))
		}
		sent += h.write(batches[i%len(batches)]) * floodBatch
	}
	return sent
}

// A hundred thousand messages a second through one connection change no verdict, hold up no heartbeat and fill no memory.
// The exporter itself counts what has arrived. A machine too slow for the rate fails the test: nothing is proven then.
func TestSwarmHostileFlood(t *testing.T) {
	c, h, _ := besiege(t, 1)
	batches := floods(t, h.honest[c.leader()])
	calm, before := c.number(resident), c.refusals()
	var sent int
	var took time.Duration
	most := c.undisturbed(func() {
		began := time.Now()
		sent = h.pour(batches, floodLasts)
		took = time.Since(began)
	})
	var arrived int
	c.eventually("all of it has arrived", func() bool { arrived = int(c.refusals() - before); return arrived >= sent*99/100 })
	t.Logf("%d messages sent, %d refused in %v: %.0f a second; resident: %.0f MiB before, at most %.0f meanwhile", sent, arrived,
		took.Round(time.Millisecond), float64(arrived)/took.Seconds(), calm/(1<<20), most/(1<<20))
	if rate := float64(min(arrived, sent)) / took.Seconds(); rate < floodRate {
		t.Errorf("%.0f messages a second have arrived, want at least %d: this machine has not tested it", rate, floodRate)
	}
	if got := h.victim.conns.Load(); got != 0 {
		t.Errorf("the victim was connected to %d times", got)
	}
}

// refusals are all heartbeats that were turned away.
func (c *cluster) refusals() (sum float64) {
	c.t.Helper()
	for _, result := range []string{"unknown_author", "malformed", "rate_limited", "bad_signature", "oversize"} {
		sum += c.number(beats + `{result="` + result + `"}`)
	}
	return sum
}
