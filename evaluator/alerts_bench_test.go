package evaluator

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/rules"
)

// BenchmarkTickAlerts is one evaluation with so many firing alerts of as many checks, each of a failing probe with a limit
// of its own. Twice the alerts may take twice as long and no more.
func BenchmarkTickAlerts(b *testing.B) {
	for _, n := range []int{50, 100, 200, 400} {
		b.Run(fmt.Sprintf("alerts=%d", n), func(b *testing.B) {
			s := newSeries()
			node := &node{series: s, now: time.Now().Round(0)}
			names := make([]string, n)
			for i := range names {
				names[i] = fmt.Sprintf("probe-%d", i)
				node.probe(names[i], "true", 3)
			}
			reg := prometheus.NewRegistry()
			reg.MustRegister(s, rules.NewPolicyCollector(rules.DefaultPolicy()))
			e, err := New(Options{
				Gatherer: reg, Registerer: reg,
				Rules: loadRules(b, rules.Options{Components: []string{"database"}, Probes: names}),
				Cause: func(string, time.Time) (string, bool) { return "connection refused", true },
			})
			if err != nil {
				b.Fatal(err)
			}
			now := node.now
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(50 * time.Millisecond) // so short that nothing becomes stale
				if err := e.Tick(context.Background(), now); err != nil {
					b.Fatal(err)
				}
			}
			if got := len(e.Snapshot().Checks); got != n || e.Snapshot().Checks[0].Error == "" {
				b.Fatalf("%d checks, the first is %+v", got, e.Snapshot().Checks[0])
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/alert")
		})
	}
}
