package peer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chorus/probes"
	"chorus/probes/peer"
	"chorus/probes/probetest"
)

// run runs a probe once, with a second to do it.
func run(t *testing.T, p probes.Probe) (probes.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return p.Probe(ctx)
}

// expect fails the test unless the run ended so. An empty text: it passed.
func expect(t *testing.T, what string, p probes.Probe, text string, reason probes.Reason) {
	t.Helper()
	res, err := run(t, p)
	switch {
	case text == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case text == "" && (!strings.Contains(res.Message, "arrived after") || res.Details["mode"] == nil):
		t.Errorf("%s: %+v", what, res)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text) || probes.ReasonOf(err) != reason):
		t.Errorf("%s: %v, reason %q; want %q, reason %q", what, err, probes.ReasonOf(err), text, reason)
	}
}

func both(t *testing.T, w, r *probetest.Peer) map[string]probes.Probe {
	t.Helper()
	var busReader peer.PubSub
	var storeReader peer.Store
	if r != nil {
		busReader, storeReader = r, r
	}
	bus, err := peer.NewPubSub(peer.PubSubOptions{Writer: w, Reader: busReader, Topic: "health"})
	if err != nil {
		t.Fatal(err)
	}
	store, err := peer.NewStore(peer.StoreOptions{Writer: w, Reader: storeReader, Key: "/health/a"})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]probes.Probe{"bus": bus, "store": store}
}

func TestTwoPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := probetest.Link()
		ps := both(t, a, b)
		for name, p := range ps {
			expect(t, name, p, "", "")
			expect(t, name+" again", p, "", "")
		}
		a.Cut(true)
		expect(t, "bus, cut off", ps["bus"], "no message arrived on health within 1s", probes.ReasonTimeout)
		expect(t, "store, cut off", ps["store"], "the reader holds another value", probes.ReasonIntegrity)
		a.Cut(false)
		a.Corrupt(true)
		expect(t, "store, corrupt", ps["store"], "the reader holds another value under /health/a after 1s", probes.ReasonIntegrity)
		a.Corrupt(false)
		refused := errors.New("refused")
		a.Fail(refused)
		expect(t, "bus, failing", ps["bus"], "publish on health: refused", probes.ReasonError)
		expect(t, "store, failing", ps["store"], "put /health/a: refused", probes.ReasonError)
		a.Fail(nil)
		for name, p := range ps {
			expect(t, name+", restored", p, "", "")
		}
	})
}

// With one member alone a run passes, and says that it proves nothing.
func TestOnePeer(t *testing.T) {
	a, b := probetest.Link()
	for _, reader := range []*probetest.Peer{nil, a} {
		for name, p := range both(t, a, reader) {
			if res, err := run(t, p); err != nil || res.Details[probes.DetailMode] != probes.ModeSelf {
				t.Errorf("%s: %+v, %v", name, res, err)
			}
		}
	}
	for name, p := range both(t, a, b) {
		if res, err := run(t, p); err != nil || res.Details[probes.DetailMode] == probes.ModeSelf {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
	}
}

func TestOptions(t *testing.T) {
	a, _ := probetest.Link()
	for _, err := range []error{
		second(peer.NewPubSub(peer.PubSubOptions{Topic: "x"})), second(peer.NewPubSub(peer.PubSubOptions{Writer: a})),
		second(peer.NewStore(peer.StoreOptions{Key: "x"})), second(peer.NewStore(peer.StoreOptions{Writer: a})),
	} {
		if err == nil || !strings.Contains(err.Error(), "; set one") {
			t.Errorf("%v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// odd is a member that does something else than it should.
type odd struct {
	*probetest.Peer
	subscribe func() error
	publish   func() error
	get       func() ([]byte, error)
}

func (o odd) SubscribeToTopic(topic string, h func([]byte)) error {
	if o.subscribe != nil {
		return o.subscribe()
	}
	return o.Peer.SubscribeToTopic(topic, h)
}

func (o odd) PublishToTopic(topic string, data any) error {
	if o.publish != nil {
		return o.publish()
	}
	return o.Peer.PublishToTopic(topic, data)
}

func (o odd) GetValue(ctx context.Context, key string) ([]byte, error) {
	if o.get != nil {
		return o.get()
	}
	return o.Peer.GetValue(ctx, key)
}

func TestOddMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := probetest.Link()
		release := make(chan struct{})
		bus := func(w, r peer.PubSub) probes.Probe {
			p, err := peer.NewPubSub(peer.PubSubOptions{Writer: w, Reader: r, Topic: "health"})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		refused := true
		p := bus(a, odd{Peer: b, subscribe: func() error {
			if refused {
				return errors.New("no")
			}
			return nil
		}})
		expect(t, "no subscription", p, "subscribe to health: no", probes.ReasonError)
		refused = false
		expect(t, "a subscription that hears nothing", p, "no message arrived", probes.ReasonTimeout)

		p = bus(odd{Peer: a, publish: func() error { panic("no") }}, b)
		expect(t, "a panic", p, "panic: no", probes.ReasonPanic)

		p = bus(odd{Peer: a, publish: func() error { <-release; return nil }}, b)
		expect(t, "a call that hangs", p, "publishing on health did not return within 1s", probes.ReasonTimeout)
		expect(t, "a call that still hangs", p, "has not returned since an earlier run", probes.ReasonTimeout)
		close(release)
		synctest.Wait()
		expect(t, "a call that returns and sends nothing", p, "no message arrived", probes.ReasonTimeout)

		for what, tt := range map[string]struct {
			get    func() ([]byte, error)
			text   string
			reason probes.Reason
		}{
			"nothing held": {func() ([]byte, error) { return nil, nil }, "holds nothing", probes.ReasonTimeout},
			"an error":     {func() ([]byte, error) { return nil, errors.New("not found") }, "get /k after 1s: not found", probes.ReasonError},
			"a huge value": {func() ([]byte, error) { return make([]byte, 1<<20), nil }, "1048576 bytes", probes.ReasonIntegrity},
		} {
			store, err := peer.NewStore(peer.StoreOptions{Writer: a, Reader: odd{Peer: b, get: tt.get}, Key: "/k"})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, what, store, tt.text, tt.reason)
		}
	})
}

// What strangers send on the topic neither passes for the message nor takes memory.
func TestStrangers(t *testing.T) {
	a, b := probetest.Link()
	p, err := peer.NewPubSub(peer.PubSubOptions{Writer: odd{Peer: a, publish: func() error {
		for range 1000 {
			if err := a.PublishToTopic("health", map[string]string{"type": "health-probe", "id": "0123456789abcdef0123456789abcdef"}); err != nil {
				return err
			}
		}
		return a.PublishToTopic("health", strings.Repeat("x", 1<<20))
	}}, Reader: b, Topic: "health"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Probe(ctx); err == nil {
		t.Error("a stranger's message passed")
	}
}
