package p2p

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/test"
)

func heartbeatOptions(authors map[peer.ID]string) HeartbeatOptions {
	return HeartbeatOptions{
		PubSub:  func(context.Context) (*pubsub.PubSub, error) { return nil, nil },
		Authors: authors, OnHeartbeat: func(Heartbeat) {},
	}
}

func randomPeer(t testing.TB) peer.ID {
	t.Helper()
	id, err := test.RandPeerID()
	must(t, err)
	return id
}

// TestHeartbeatReplay plays statements of one author: which are new, and which might be repetitions.
func TestHeartbeatReplay(t *testing.T) {
	const s = time.Second
	type said struct {
		term uint64
		sent time.Duration // after the start
		want string
	}
	for name, tt := range map[string][]said{
		"one after the other":             {{4, 0, ""}, {4, 5 * s, ""}, {4, 10 * s, ""}},
		"the same again":                  {{4, 0, ""}, {4, 0, RefusedReplay}},
		"an older one":                    {{4, 5 * s, ""}, {4, 0, RefusedReplay}, {4, 4 * s, RefusedReplay}, {4, 6 * s, ""}},
		"the first is taken for new":      {{4, -time.Hour, ""}, {4, -time.Hour + 1, ""}},
		"an older one of an older term":   {{4, 0, ""}, {5, 5 * s, ""}, {4, 0, RefusedReplay}, {4, 5 * s, RefusedReplay}},
		"a later one of an older term":    {{5, 0, ""}, {4, 5 * s, ""}, {4, 5 * s, RefusedReplay}, {5, 6 * s, ""}},
		"a clock set back in a term":      {{4, time.Hour, ""}, {4, 0, RefusedReplay}, {4, 59 * time.Minute, RefusedReplay}, {4, time.Hour + s, ""}},
		"a clock set back, and a new one": {{4, time.Hour, ""}, {5, 0, ""}, {5, s, ""}, {5, 0, RefusedReplay}, {4, time.Hour, RefusedReplay}},
		"too far off":                     {{4, 2*time.Hour + s, RefusedClock}, {4, -2*time.Hour - s, RefusedClock}, {4, 0, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			id, start := randomPeer(t), time.Now()
			h, err := NewHeartbeats(heartbeatOptions(map[peer.ID]string{id: "n1"}))
			must(t, err)
			for i, s := range tt {
				beat, reason := h.judge(id, beatData("n1", s.term, start.Add(s.sent)), start)
				if reason != s.want {
					t.Errorf("statement %d: %q, want %q", i, reason, s.want)
				}
				if reason == "" && (beat.Term != s.term || !beat.Received.Equal(start)) || reason != "" && beat != (Heartbeat{}) {
					t.Errorf("statement %d is %+v beside %q", i, beat, reason)
				}
			}
		})
	}
}

// TestHeartbeatsApply: who stays is remembered, under whatever name, and who went is not believed.
func TestHeartbeatsApply(t *testing.T) {
	stays, goes, comes := randomPeer(t), randomPeer(t), randomPeer(t)
	o := heartbeatOptions(map[peer.ID]string{stays: "n1", goes: "n2"})
	o.Guard = new(Guard)
	h, err := NewHeartbeats(o)
	must(t, err)
	start := time.Now()
	judge := func(id peer.ID, node string, sent time.Duration, want string) {
		t.Helper()
		admitted := o.Guard.Admit("hop", guardMessage(DefaultHeartbeatTopic, string(id), 1, 8))
		beat, reason := h.judge(id, beatData(node, 4, start.Add(sent)), start)
		if reason != want || admitted != (want != RefusedAuthor) {
			t.Errorf("%s: %q, want %q; admitted %v", node, reason, want, admitted)
		}
		if want == "" && beat.Node != node {
			t.Errorf("heard of %s, want %s", beat.Node, node)
		}
	}
	judge(stays, "n1", time.Second, "")
	judge(goes, "n2", time.Second, "")
	judge(comes, "n3", time.Second, RefusedAuthor)

	if err := h.Apply(nil, HeartbeatFields{}, 0); err == nil {
		t.Error("no authors at all were applied")
	}
	judge(goes, "n2", 2*time.Second, "")

	must(t, h.Apply(map[peer.ID]string{stays: "first", comes: "n3"}, HeartbeatFields{}, time.Minute))
	judge(stays, "first", time.Second, RefusedReplay)
	judge(stays, "n1", 2*time.Second, RefusedMismatch)
	judge(stays, "first", 2*time.Second, "")
	judge(stays, "first", time.Hour, RefusedClock)
	judge(goes, "n2", 3*time.Second, RefusedAuthor)
	judge(comes, "n3", 0, "")
}

// TestHeartbeatsLog: what an operator can mend is logged, once a minute and author.
func TestHeartbeatsLog(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		n1, n2 := randomPeer(t), randomPeer(t)
		o := heartbeatOptions(map[peer.ID]string{n1: "n1", n2: "n2"})
		o.Logger = log.NewLogfmtLogger(&out)
		h, err := NewHeartbeats(o)
		must(t, err)
		for range 100 {
			h.judge(n1, []byte(`{}`), time.Now())
			h.judge(n2, beatData("n1", 4, time.Now()), time.Now())
			h.judge(randomPeer(t), []byte(`{}`), time.Now())
		}
		time.Sleep(time.Minute)
		h.judge(n1, beatData("n1", 4, time.Now().Add(3*time.Hour)), time.Now())
	})
	for i, line := range []string{
		`level=warn component=election msg="Heartbeat refused" peer=n1 err="lacks the field node_id"`,
		`level=warn component=election msg="Heartbeat refused" peer=n2 err="signed in the name of another node`,
		`level=warn component=election msg="Heartbeat refused" peer=n1 err="sent 3h0m0s from our time, more than 2h0m0s"`,
	} {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[i], line) {
			t.Fatalf("line %d is not %s of\n%s", i, line, out.String())
		}
	}
}

func TestHeartbeatOptions(t *testing.T) {
	a, b := randomPeer(t), randomPeer(t)
	for name, tt := range map[string]struct {
		change func(*HeartbeatOptions)
		want   []string
	}{
		"no pubsub":    {func(o *HeartbeatOptions) { o.PubSub = nil }, []string{"PubSub and OnHeartbeat are required"}},
		"no listener":  {func(o *HeartbeatOptions) { o.OnHeartbeat = nil }, []string{"PubSub and OnHeartbeat are required"}},
		"no authors":   {func(o *HeartbeatOptions) { o.Authors = nil }, []string{"heartbeats: no authors: name those"}},
		"no name":      {func(o *HeartbeatOptions) { o.Authors = map[peer.ID]string{a: ""} }, []string{a.String() + " has no name"}},
		"no peer id":   {func(o *HeartbeatOptions) { o.Authors = map[peer.ID]string{"": "n1"} }, []string{`"n1" has no peer id`}},
		"one name":     {func(o *HeartbeatOptions) { o.Authors = map[peer.ID]string{a: "n1", b: "n1"} }, []string{`both the name "n1"`}},
		"several ills": {func(o *HeartbeatOptions) { o.MaxSkew, o.Fields.Timestamp = -1, "-" }, []string{"skew -1ns is negative", "without a timestamp"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := heartbeatOptions(map[peer.ID]string{a: "n1"})
			tt.change(&o)
			h, err := NewHeartbeats(o)
			if err == nil || h != nil {
				t.Fatalf("got %v, %v", h, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

func BenchmarkHeartbeatJudge(b *testing.B) {
	id := randomPeer(b)
	h, err := NewHeartbeats(heartbeatOptions(map[peer.ID]string{id: "n1"}))
	must(b, err)
	now := time.Now()
	data := beatData("n1", 4, now)
	b.ReportAllocs()
	for b.Loop() {
		h.judge(id, data, now)
	}
}
