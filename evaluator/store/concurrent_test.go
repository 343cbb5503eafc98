package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// One writer, a collector and several readers share a store; run it with -race. Every value says when it was written, so
// a reader recognises a sample that changed under its hands or belongs to another series.
func TestConcurrentUse(t *testing.T) {
	const series, window, rounds = 20, 60, 100
	s := newStore(t, 2*window*time.Second, 4*series)
	var done atomic.Int64 // the newest complete tick, ms
	var answers, read atomic.Int64

	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for !closed(stop) {
			s.GC(done.Load() - window*1000)
			s.Stats()
		}
	})
	for range 3 {
		others.Go(func() {
			e := newEngine(t)
			for last := false; !last; read.Add(1) {
				last = closed(stop) // one more round when all is written
				at := done.Load()
				for _, expr := range []string{
					`(x != timestamp(x)) or (x offset 20s != timestamp(x offset 20s))`,
					`max_over_time(x[1m]) - min_over_time(x[1m]) >= 60`,
					`abs(deriv(x[30s]) - 1) > 0.001`,
					`min_over_time((x - timestamp(x))[30s:3s]) != 0`,
				} {
					e.exec(s, expr, at, func(v parser.Value) {
						if v.String() != "" {
							t.Errorf("%s at %d: %s, want nothing", expr, at, v)
						}
					})
				}
				answers.Add(int64(len(e.instant(s, `count_over_time(x[30s]) > 1`, at))))
				s.Latest("x", at, func(l labels.Labels, v float64) {
					if v*1000 > float64(at) || v*1000 <= float64(at-lookback) {
						t.Errorf("latest of %s at %d is %g", l, at, v)
					}
				})
			}
		})
	}
	refs := map[int64]Ref{}
	for tick := int64(1); tick <= 1000 || read.Load() < rounds; tick++ {
		for i := range int64(series) {
			// A series lives for 100 ticks, then another one begins and the collector takes it, sooner or later.
			key := i + series*((tick+i)/100)
			l := labels.FromStrings(model.MetricNameLabel, "x", "i", fmt.Sprint(key))
			ref, err := s.Append(refs[key], l, tick*1000, float64(tick))
			if err != nil && !errors.Is(err, ErrSeriesLimit) {
				t.Error(err)
			}
			refs[key] = ref
		}
		done.Store(tick * 1000)
	}
	close(stop)
	others.Wait()
	if answers.Load() == 0 {
		t.Error("no query saw a sample")
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
