package evaluator

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"chorus/rules"
)

// busy is a group that uses what keeps state: alerts that wait, that are kept and that change, and series that come and go.
const busy = `
  - {record: 'own:copy', expr: own_metric}
  - {record: chorus_health_check_detail, expr: 'label_replace(max(own_metric), "detail", "most", "", "")', labels: {check_name: own}}
  - {alert: Own, expr: own_metric > 5, for: 20s, labels: {check_name: own, severity: warning}, annotations: {summary: '{{ $labels.x }}: {{ $value }}'}}
  - {alert: Kept, expr: own_metric > 7, keep_firing_for: 30s, labels: {check_name: own, severity: critical}, annotations: {summary: kept}}
  - {alert: Changing, expr: own_metric > 3, labels: {check_name: own, severity: info, value: '{{ $value }}'}, annotations: {summary: changes}}
  - {alert: Range, expr: 'avg_over_time(own_metric[1m]) > 4 or max_over_time((own_metric * 2)[2m:30s] offset 1m) > 15', labels: {check_name: own, severity: info}, annotations: {summary: range}}
`

// wave is the value of one of the busy group's series at a step; negative ones are absent.
func wave(step, series int) float64 { return float64((step*(series+3)+series*5)%13 - 2) }

func (n *node) wave(step int) {
	n.drop("own_metric")
	for x := range 4 {
		if v := wave(step, x); v >= 0 {
			n.set(fmt.Sprintf(`own_metric{x="%d"}`, x), v)
		}
	}
}

// TestSnapshotsStayAsTheyWere keeps the text of every snapshot and compares it after many evaluations and reloads.
func TestSnapshotsStayAsTheyWere(t *testing.T) {
	o := own(t, rules.Options{Components: []string{"resources"}}, busy)
	n := newNode(t, o, Options{})
	n.resources(0.5, 0.5, 0.95)
	var seen []*Snapshot
	var texts []string
	for step := range 40 {
		n.wave(step)
		s := n.pass(7 * time.Second)
		seen, texts = append(seen, s), append(texts, fmt.Sprintf("%+v", *s))
		if step%10 == 9 {
			n.SetRules(loadRules(t, o))
		}
	}
	for i, s := range seen {
		if d := cmp.Diff(texts[i], fmt.Sprintf("%+v", *s)); d != "" {
			t.Fatalf("snapshot %d changed (-then +now):\n%s", i, d)
		}
	}
}

// TestClockStepsAreInvisible runs two evaluators over the same series, one of them under a clock that is stepped by hours:
// checks, alerts and what is exposed must be the same, and all times moved by the step alone.
func TestClockStepsAreInvisible(t *testing.T) {
	o := own(t, rules.Options{}, busy)
	steps := map[int]time.Duration{10: 5 * time.Hour, 20: -48 * time.Hour, 21: 48 * time.Hour, 30: time.Hour}
	calm, stepped := newNode(t, o, Options{}), newNode(t, o, Options{})
	stepped.engine.Clock.Start, stepped.since = calm.engine.Clock.Start, calm.since
	var steady, moved time.Duration
	describe := func(s *Snapshot, by time.Duration) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %q since %s\n", s.Status, s.Message, s.Since.Add(-by).Round(time.Second))
		for _, c := range s.Checks {
			fmt.Fprintf(&b, "%s %s %v since %s\n", c.Name, c.State, c.Details, c.Since.Add(-by).Round(time.Second))
		}
		for _, a := range s.Alerts {
			fmt.Fprintf(&b, "%s %s %v %v since %s\n", a.Name, a.State, a.Labels, a.Value, a.ActiveAt.Add(-by).Round(time.Second))
		}
		return b.String()
	}
	began := calm.now.Truncate(time.Minute).Add(time.Minute).Sub(calm.engine.Clock.Start) // subqueries are aligned to minutes
	for step := range 40 {
		moved += steps[step]
		steady = began + time.Duration(step)*7*time.Second
		wall := calm.engine.Clock.Start.Add(steady)
		for n, by := range map[*node]time.Duration{calm: 0, stepped: moved} {
			n.wave(step)
			if err := n.tick(context.Background(), wall.Add(by), steady, false); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(describe(calm.Snapshot(), 0), describe(stepped.Snapshot(), moved)); d != "" {
			t.Fatalf("step %d, clock moved by %s (-calm +stepped):\n%s", step, moved, d)
		}
	}
}

// TestNothingIsLeftBehind churns through labels and reloads, then lets everything end: what is kept must be back to what
// it was.
func TestNothingIsLeftBehind(t *testing.T) {
	o := own(t, rules.Options{}, busy)
	n := newNode(t, o, Options{})
	size := func() string {
		active := 0
		for _, g := range n.engine.Groups {
			for _, r := range g.Rules {
				active += len(r.Active)
			}
		}
		series, _ := n.engine.Store.Stats()
		sampled, written := n.engine.Series()
		return fmt.Sprintf("store %d sampled %d written %d active %d states %d checks %d", series, sampled, written,
			active, len(n.states), len(n.results.checks))
	}
	settle := func() string {
		n.drop("own_metric")
		n.set("own_metric", 0)
		for range 30 {
			n.pass(time.Minute)
		}
		return size()
	}
	before := settle()
	for step := range 100 {
		n.drop("own_metric")
		for x := range 5 {
			n.set(fmt.Sprintf(`own_metric{x="%d"}`, step*10+x), float64(step%13))
		}
		n.pass(7 * time.Second)
		if step%20 == 19 {
			n.SetRules(loadRules(t, rules.Options{Components: []string{"database"}}))
			n.pass(time.Second)
			n.SetRules(loadRules(t, o))
		}
	}
	if after := settle(); after != before {
		t.Errorf("after the churn: %s\nbefore:          %s", after, before)
	}
}

// TestAllAtOnce calls every method from many goroutines; the race detector judges.
func TestAllAtOnce(t *testing.T) {
	o := own(t, rules.Options{Components: []string{"resources"}}, busy)
	sets := []*rules.Set{loadRules(t, o), loadRules(t, rules.Options{})}
	n := newNode(t, o, Options{Interval: 5 * time.Millisecond, OnSnapshot: func(s *Snapshot) { _ = fmt.Sprint(*s) }})
	n.resources(0.5, 0.5, 0.95)
	ctx, cancel := context.WithCancel(context.Background())
	var all, running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	both := prometheus.Gatherers{n.reg, n.Derived()}
	for _, f := range []func(i int){
		func(i int) { n.wave(i) },
		func(i int) { n.SetRules(sets[i%2]) },
		func(int) { n.Trigger() },
		func(int) {
			if _, err := both.Gather(); err != nil {
				t.Error(err)
			}
		},
		func(int) { _ = fmt.Sprintf("%+v", *n.Snapshot()) },
		func(int) {
			for o := range n.Results("own") {
				_ = o.Message
			}
		},
		func(i int) {
			if i == 30 {
				n.Stopping()
			}
		},
	} {
		all.Go(func() {
			for i := range 60 {
				f(i)
				time.Sleep(time.Millisecond)
			}
		})
	}
	all.Wait()
	cancel()
	running.Wait()
	if s := n.Snapshot(); s.Status != Stopping {
		t.Errorf("status %s after Stopping", s.Status)
	}
}
