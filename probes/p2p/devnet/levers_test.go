package devnet

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestKillAndRevive(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 5)
	targets := s.Targets()
	leaders(t, s, 0)
	followed(t, s, 0)
	term := report(t, s, 0).Term

	must(t, s.Kill(0))
	if err := s.Kill(0); err == nil {
		t.Error("a dead node died")
	}
	if err := s.Corrupt(0, true); err == nil {
		t.Error("a dead node lies")
	}
	if state := s.Status(t.Context())[0].State; state != StateDead {
		t.Errorf("the killed node is %s", state)
	}
	leaders(t, s, 1)
	if now := report(t, s, 1).Term; now <= term {
		t.Errorf("the new leader's term %d does not follow %d", now, term)
	}

	must(t, s.Revive(0))
	if err := s.Revive(0); err == nil {
		t.Error("a running node was revived")
	}
	if !slices.Equal(s.Targets(), targets) {
		t.Errorf("targets were %v, are %v", targets, s.Targets())
	}
	eventually(t, "the revived node hears all others and follows", func() (bool, any) {
		r := report(t, s, 0)
		return r.Alive == 4 && r.Leader == s.Infos()[1].ID.String(), r
	})
	leaders(t, s, 1)
}

// Terms go on where all nodes were dead.
func TestReviveAll(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 3)
	leaders(t, s, 0)
	followed(t, s, 0)
	must(t, s.Kill(0))
	leaders(t, s, 1)
	term := report(t, s, 1).Term
	for _, i := range []int{1, 2} {
		must(t, s.Kill(i))
	}
	for i := range 3 {
		must(t, s.Revive(i))
	}
	leaders(t, s, 0)
	if now := report(t, s, 0).Term; term < 2 || now <= term {
		t.Errorf("the new leader's term %d does not follow %d", now, term)
	}
}

func TestPartitionAndHeal(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 6)
	leaders(t, s, 0)
	// 1 and 4, and 2 and 5, are no neighbours of each other in the ring of six.
	must(t, s.Partition([]int{1, 4}, []int{2, 5}))
	leaders(t, s, 0, 1, 2)
	for i, n := range s.Status(t.Context()) {
		if n.Report.Peers != 1 {
			t.Errorf("node %d has %d peers, want the other one of its group", i, n.Report.Peers)
		}
	}
	before := report(t, s, 4).Received
	must(t, s.slots[1].member.(*local).node.topics.health[0].Publish(t.Context(), []byte("for 4 alone")))
	eventually(t, "the own group receives it", func() (bool, any) {
		r := report(t, s, 4)
		return r.Received == before+1, r
	})
	if got := report(t, s, 0).Received; got != 0 {
		t.Errorf("%d messages came out of the other group", got)
	}
	old := max(report(t, s, 0).Term, report(t, s, 1).Term, report(t, s, 2).Term)

	must(t, s.CutOff(1)) // replaces the partition
	leaders(t, s, 0, 1)
	if r := report(t, s, 1); r.Peers != 0 {
		t.Errorf("a node that is cut off has peers: %+v", r)
	}
	must(t, s.Heal())
	leaders(t, s, 0)
	if term := report(t, s, 0).Term; term <= old {
		t.Errorf("term %d after healing does not follow %d", term, old)
	}
	for name, err := range map[string]error{
		"named twice": s.Partition([]int{1}, []int{1}), "unknown": s.CutOff(6), "below 0": s.CutOff(-1),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestStrangersReachBothSides(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 2)
	must(t, s.CutOff(1))
	for _, to := range s.Infos() {
		if _, err := connect(t, to).ping(t.Context(), 10*time.Second); err != nil {
			t.Error(err)
		}
	}
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 2)
	c := connect(t, s.Infos()[1])
	must(t, c.put(t, "/health/x", "true"))
	if got := c.get(t, "/health/x"); got != "true" {
		t.Errorf("got %q", got)
	}
	must(t, s.Corrupt(1, true))
	if got := c.get(t, "/health/x"); got == "true" || len(got) != len("true") {
		t.Errorf("a corrupt node answers %q", got)
	}
	must(t, c.put(t, "/health/x", "longer"))
	must(t, s.Corrupt(1, false))
	if got := c.get(t, "/health/x"); got != "longer" {
		t.Errorf("got %q: the lie was kept, or the put lost", got)
	}
	if err := c.put(t, "/health/x", "\xff"); err == nil {
		t.Error("the validator was not asked")
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 3)
	c := connect(t, s.Infos()[1])
	const delay = 300 * time.Millisecond
	must(t, s.Slow(1, delay))
	rtt, err := c.ping(t.Context(), 20*time.Second)
	must(t, err)
	if rtt < delay {
		t.Errorf("a slow node answered after %v", rtt)
	}
	if r := report(t, s, 1); r.Delay != delay {
		t.Errorf("reported: %v", r.Delay)
	}
	must(t, s.Slow(1, 0))
	eventually(t, "it is quick again", func() (bool, any) {
		rtt, err := c.ping(t.Context(), 20*time.Second)
		return err == nil && rtt < delay/2, rtt
	})
	if s.Slow(1, -1) == nil || s.Slow(1, maxDelay+1) == nil || s.Slow(3, 1) == nil {
		t.Error("nonsense was accepted")
	}
}

func TestFlood(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 3)
	leaders(t, s, 0)
	must(t, s.Flood(1, 500))
	eventually(t, "the junk arrives everywhere", func() (bool, any) {
		r := report(t, s, 2)
		return r.Received > 200, r
	})
	leaders(t, s, 0)
	must(t, s.Flood(1, 0))
	eventually(t, "it ends", func() (bool, any) {
		before := report(t, s, 2).Received
		time.Sleep(100 * time.Millisecond)
		return report(t, s, 2).Received == before, before
	})
	if s.Flood(1, -1) == nil || s.Flood(1, maxFlood+1) == nil {
		t.Error("nonsense was accepted")
	}
}

// A flood beyond what can be signed reaches those who listen from outside, and no node. The flooding node goes on gossiping.
func TestFloodOfListeners(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 3)
	leaders(t, s, 0)
	l := overhear(t, s.Infos()[0])
	must(t, s.Flood(0, maxFlood))
	eventually(t, "a listener is flooded", func() (bool, any) { return l.junk.Load() > 20_000, l.junk.Load() })
	before := l.beats.Load()
	eventually(t, "heartbeats come between", func() (bool, any) { return l.beats.Load() > before+2, l.beats.Load() })
	leaders(t, s, 0)
	if n := report(t, s, 1).Received; n > uint64(l.junk.Load()) {
		t.Errorf("a node received %d messages, want no more than what is signed", n)
	}
	must(t, s.Flood(0, 0))
	eventually(t, "it ends", func() (bool, any) {
		before := l.junk.Load()
		time.Sleep(100 * time.Millisecond)
		return l.junk.Load() == before, before
	})
}

func TestTasks(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Nodes: 2, TaskWorkers: 2, TaskQueue: 3, HeartbeatInterval: quick})
	started(t, s, err)
	release := make(chan struct{})
	task := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-release:
			return nil
		}
	}
	counts := func() TaskCounts {
		c, err := s.Tasks(t.Context(), 1)
		must(t, err)
		return c
	}
	is := func(want TaskCounts) {
		t.Helper()
		eventually(t, "the queue counts as it should", func() (bool, any) { c := counts(); return c == want, c })
	}
	for range 2 {
		must(t, s.Submit(1, task))
	}
	is(TaskCounts{Active: 2, Capacity: 2})
	for range 3 {
		must(t, s.Submit(1, task))
	}
	is(TaskCounts{Active: 2, Queued: 3, Capacity: 2})
	if err := s.Submit(1, task); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a full queue says %v", err)
	}
	close(release)
	is(TaskCounts{Capacity: 2, Succeeded: 5})
	must(t, s.Load(1, TaskLoad{Count: 3, Work: time.Millisecond, FailEvery: 3}))
	is(TaskCounts{Capacity: 2, Succeeded: 7, Failed: 1})
	if c, err := s.Tasks(t.Context(), 0); err != nil || c.Succeeded != 0 {
		t.Errorf("another node did the work: %+v, %v", c, err)
	}
}

func TestFreezeNeedsProcesses(t *testing.T) {
	t.Parallel()
	s := startSwarm(t, 1)
	if err := s.Freeze(0); err == nil {
		t.Error("the test should hang now")
	}
}
