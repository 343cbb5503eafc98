package p2p

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// fleetOptions are those of a fleet that is never run.
func fleetOptions(self peer.ID, members ...peer.ID) FleetOptions {
	return FleetOptions{
		PubSub: func(context.Context) (*pubsub.PubSub, error) { return nil, nil },
		Self:   self, NodeID: "us", Members: members, Interval: 10 * time.Second, MaxUnhealthyRatio: 0.5,
		Status: func() FleetStatus { return FleetStatus{Status: "healthy"} },
	}
}

func fleetData(status string, wants bool, sent time.Time) []byte {
	return fmt.Appendf(nil, `{"v":1,"status":%q,"wants_stop":%t,"node":"them","sent":%d}`, status, wants, sent.UnixMilli())
}

// fleetIDs are n peer ids, ordered as fleets order them.
func fleetIDs(t testing.TB, n int) []peer.ID {
	t.Helper()
	ids := make([]peer.ID, n)
	for i := range ids {
		ids[i] = randomPeer(t)
	}
	slices.SortFunc(ids, func(a, b peer.ID) int { return strings.Compare(a.String(), b.String()) })
	return ids
}

// gathered are the gauges and counters of a fleet by name and labels.
func (f *Fleet) gathered(t testing.TB) map[string]float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	must(t, reg.Register(f))
	families, err := reg.Gather()
	must(t, err)
	out := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "chorus_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

// wantFleet compares what a fleet gathers with some of its values.
func wantFleet(t testing.TB, f *Fleet, want map[string]float64) {
	t.Helper()
	got := f.gathered(t)
	for name, v := range want {
		if g, ok := got[name]; !ok || g != v {
			t.Errorf("%s is %v (%t), want %v", name, g, ok, v)
		}
	}
}

func newFleet(t testing.TB, o FleetOptions) *Fleet {
	t.Helper()
	f, err := NewFleet(o)
	must(t, err)
	return f
}

// A member is unseen before it is heard and from three intervals after it was, whatever it said.
func TestFleetUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := fleetIDs(t, 4)
		f := newFleet(t, fleetOptions(ids[0], ids...))
		wantFleet(t, f, map[string]float64{
			"fleet_members healthy": 1, "fleet_members degraded": 0, "fleet_members unhealthy": 0,
			"fleet_members starting": 0, "fleet_members stopping": 0, "fleet_unseen_members": 3,
			"fleet_shutdown_ahead": 0, "fleet_unseen_counts": 1, "shutdown_max_unhealthy_ratio": 0.5,
			"fleet_messages_total accepted": 0, "fleet_messages_total other": 0,
		})
		say := func(i int, status string) {
			t.Helper()
			if result := f.judge(ids[i], fleetData(status, false, time.Now()), time.Now()); result != fleetAccepted {
				t.Fatalf("%s of member %d: %s", status, i, result)
			}
		}
		say(1, "stopping")
		say(2, "degraded")
		say(3, "unhealthy")
		wantFleet(t, f, map[string]float64{
			"fleet_members healthy": 1, "fleet_members degraded": 1, "fleet_members unhealthy": 1,
			"fleet_members stopping": 1, "fleet_unseen_members": 0, "fleet_shutdown_ahead": 1,
		})
		time.Sleep(20 * time.Second)
		say(2, "healthy")
		time.Sleep(10*time.Second - time.Nanosecond)
		wantFleet(t, f, map[string]float64{"fleet_members stopping": 1, "fleet_members unhealthy": 1, "fleet_unseen_members": 0})
		time.Sleep(time.Nanosecond)
		wantFleet(t, f, map[string]float64{
			"fleet_members healthy": 2, "fleet_members stopping": 0, "fleet_members unhealthy": 0,
			"fleet_unseen_members": 2, "fleet_shutdown_ahead": 0,
		})
		say(1, "starting") // it comes back
		wantFleet(t, f, map[string]float64{"fleet_members starting": 1, "fleet_unseen_members": 1})
	})
}

// Of those that want to stop, the one with the smallest peer id goes first, and who is stopping goes before all.
func TestFleetAhead(t *testing.T) {
	ids := fleetIDs(t, 3)
	now := time.Now()
	for name, tt := range map[string]struct {
		self        int
		status      string
		wants       bool
		first, last float64 // as seen by the one before and by the one after
	}{
		"nobody":         {1, "unhealthy", false, 0, 0},
		"wants":          {1, "unhealthy", true, 0, 1},
		"wants, healthy": {1, "healthy", true, 0, 1},
		"is stopping":    {1, "stopping", false, 1, 1},
		"both":           {1, "stopping", true, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for i, want := range map[int]float64{0: tt.first, 2: tt.last} {
				f := newFleet(t, fleetOptions(ids[i], ids...))
				if result := f.judge(ids[tt.self], fleetData(tt.status, tt.wants, now), now); result != fleetAccepted {
					t.Fatal(result)
				}
				wantFleet(t, f, map[string]float64{"fleet_shutdown_ahead": want})
			}
		})
	}
}

func TestFleetJudge(t *testing.T) {
	ids := fleetIDs(t, 2)
	self, other := ids[0], ids[1]
	f := newFleet(t, fleetOptions(self, other))
	now := time.Now()
	good := func(after time.Duration) []byte { return fleetData("healthy", false, now.Add(after)) }
	for _, tt := range []struct {
		name, want string
		id         peer.ID
		data       []byte
	}{
		{"a stranger", RefusedAuthor, randomPeer(t), good(0)},
		{"ourselves", RefusedAuthor, self, good(0)},
		{"too long", RefusedOversize, other, append(good(0), bytes.Repeat([]byte(" "), MaxFleetBytes)...)},
		{"junk", RefusedMalformed, other, []byte("junk")},
		{"far ahead", RefusedClock, other, good(2*time.Hour + time.Minute)},
		{"far behind", RefusedClock, other, good(-2*time.Hour - time.Minute)},
		{"an hour behind", fleetAccepted, other, good(-time.Hour)},
		{"a step", fleetAccepted, other, good(-time.Hour + time.Millisecond)},
		{"the same again", RefusedReplay, other, good(-time.Hour + time.Millisecond)},
		{"an older one", RefusedReplay, other, good(-time.Hour)},
		{"now", fleetAccepted, other, good(0)},
	} {
		before := f.members[other].heard
		if got := f.judge(tt.id, tt.data, now.Add(time.Second)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if changed := f.members[other].heard != before; changed && tt.want != fleetAccepted {
			t.Errorf("%s: it counts as heard", tt.name)
		}
	}
	if len(f.members) != 1 {
		t.Errorf("%d members are remembered, want 1", len(f.members))
	}
}

// A status that is none of the five counts as unhealthy, here and in what is announced.
func TestFleetUnknownStatus(t *testing.T) {
	ids := fleetIDs(t, 2)
	o := fleetOptions(ids[0], ids[1])
	o.Status = func() FleetStatus { return FleetStatus{Status: "fine"} }
	f := newFleet(t, o)
	wantFleet(t, f, map[string]float64{"fleet_members unhealthy": 1})
	f.metrics.count("a word from the wire")
	wantFleet(t, f, map[string]float64{"fleet_messages_total other": 1})
}

// What is sent is newer than what was sent before, whatever the clock does.
func TestFleetCompose(t *testing.T) {
	ids := fleetIDs(t, 2)
	f := newFleet(t, fleetOptions(ids[0], ids[1]))
	now, last := time.Now(), int64(0)
	for _, after := range []time.Duration{0, 0, time.Second, -time.Hour, 2 * time.Second} {
		data, interval, err := f.compose(FleetStatus{Status: "healthy"}, now.Add(after))
		must(t, err)
		m, err := parseFleet(data)
		must(t, err)
		if m.Sent <= last || m.Node != "us" || interval != 10*time.Second {
			t.Errorf("composed %+v after one sent at %d", m, last)
		}
		last = m.Sent
	}
	if want := now.Add(2 * time.Second).UnixMilli(); last != want {
		t.Errorf("sent at %d, want %d again", last, want)
	}
}

// A reload replaces members; who stays is remembered, who went is forgotten.
func TestFleetApply(t *testing.T) {
	ids := fleetIDs(t, 4)
	f := newFleet(t, fleetOptions(ids[0], ids[1], ids[2]))
	now := time.Now()
	for _, id := range ids[1:3] {
		f.judge(id, fleetData("degraded", false, now), now)
	}
	must(t, f.Apply([]peer.ID{ids[0], ids[2], ids[2], ids[3]}, time.Minute))
	must(t, f.Judge(1, FleetUnseenPermit))
	wantFleet(t, f, map[string]float64{
		"fleet_members degraded": 1, "fleet_unseen_members": 1, "fleet_unseen_counts": 0, "shutdown_max_unhealthy_ratio": 1,
	})
	if got := f.judge(ids[2], fleetData("healthy", false, now), now); got != RefusedReplay {
		t.Errorf("a replay after Apply: %s", got)
	}
	if err := f.Apply(nil, time.Minute); err == nil {
		t.Error("no members were accepted")
	}
	wantFleet(t, f, map[string]float64{"fleet_members degraded": 1, "fleet_unseen_members": 1})
}

func TestFleetOptions(t *testing.T) {
	ids := fleetIDs(t, 2)
	for name, tt := range map[string]struct {
		change func(*FleetOptions)
		want   string
	}{
		"no pubsub":         {func(o *FleetOptions) { o.PubSub = nil }, "required"},
		"no status":         {func(o *FleetOptions) { o.Status = nil }, "required"},
		"no self":           {func(o *FleetOptions) { o.Self = "" }, "required"},
		"no members":        {func(o *FleetOptions) { o.Members = nil }, "no members beside this one: name the other exporters"},
		"only ourselves":    {func(o *FleetOptions) { o.Members = ids[:1] }, "no members beside this one"},
		"an empty member":   {func(o *FleetOptions) { o.Members = []peer.ID{ids[1], ""} }, "member 2 has no peer id"},
		"too many members":  {func(o *FleetOptions) { o.Members = slices.Repeat(ids, 1001) }, "1001 members: name at most 1000"},
		"no interval":       {func(o *FleetOptions) { o.Interval = 0 }, "interval 0s: give a duration from 250ms to 10m0s"},
		"a long interval":   {func(o *FleetOptions) { o.Interval = time.Hour }, "interval 1h0m0s"},
		"no ratio":          {func(o *FleetOptions) { o.MaxUnhealthyRatio = 0 }, "give a number over 0, to 1"},
		"a ratio over 1":    {func(o *FleetOptions) { o.MaxUnhealthyRatio = 1.1 }, "give a number over 0, to 1"},
		"an unknown policy": {func(o *FleetOptions) { o.Unseen = "maybe" }, `unseen members "maybe": give hold or permit`},
	} {
		t.Run(name, func(t *testing.T) {
			o := fleetOptions(ids[0], ids[1])
			tt.change(&o)
			if _, err := NewFleet(o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// The help texts must be those of the table: families whose help differs are dropped when they meet.
func TestFleetMetricsAreThoseOfTheTable(t *testing.T) {
	data, err := os.ReadFile("../../rules/names.yml")
	must(t, err)
	type entry struct{ Name, Type, Help string }
	var table struct{ Names []entry }
	must(t, yaml.Unmarshal(data, &table))
	ids := fleetIDs(t, 2)
	reg := prometheus.NewPedanticRegistry()
	must(t, reg.Register(newFleet(t, fleetOptions(ids[0], ids[1]))))
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		got := entry{f.GetName(), strings.ToLower(f.GetType().String()), f.GetHelp()}
		if !slices.Contains(table.Names, got) {
			t.Errorf("%+v is not in the table", got)
		}
	}
	if len(families) != 6 {
		t.Errorf("%d families, want 6", len(families))
	}
}

// What members say is logged, of each at most once a minute.
func TestFleetLog(t *testing.T) {
	ids := fleetIDs(t, 2)
	var out bytes.Buffer
	o := fleetOptions(ids[0], ids[1])
	o.Logger = log.NewLogfmtLogger(&out)
	f := newFleet(t, o)
	now := time.Now()
	for i := range 100 {
		f.judge(ids[1], fleetData([]string{"healthy", "unhealthy"}[i%2], false, now.Add(time.Duration(i)*time.Second)), now)
		f.judge(ids[1], []byte("junk"), now)
	}
	f.judge(ids[1], []byte("junk"), now.Add(time.Minute))
	want := fmt.Sprintf("level=info component=fleet msg=\"Fleet member is healthy\" peer=\"%s (them)\"\n"+
		"level=warn component=fleet msg=\"Announcement of a fleet member refused\" peer=%[1]s "+
		"err=\"parse: invalid character 'j' looking for beginning of value\"\n", ids[1])
	if out.String() != want {
		t.Errorf("logged\n%swant\n%s", out.String(), want)
	}
}

func BenchmarkFleetCollect(b *testing.B) {
	ids := fleetIDs(b, 101)
	f := newFleet(b, fleetOptions(ids[0], ids...))
	now := time.Now()
	for _, id := range ids[1:] {
		f.judge(id, fleetData("degraded", false, now), now)
	}
	ch := make(chan prometheus.Metric, 64)
	b.ReportAllocs()
	for b.Loop() {
		f.Collect(ch)
		for len(ch) > 0 {
			<-ch
		}
	}
}
