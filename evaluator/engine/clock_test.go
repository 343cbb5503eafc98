package engine

import (
	"context"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/prometheus/model/labels"

	"chorus/evaluator/store"
)

func TestClock(t *testing.T) {
	start := time.Unix(1_000_000, 0).UTC()
	for _, tc := range []struct {
		name       string
		wall       time.Duration // since start, when steady says 10s
		wantOffset time.Duration
	}{
		{"no step", 10 * time.Second, 0},
		{"slewed by less than the tolerance", 10*time.Second + 900*time.Millisecond, 0},
		{"stepped forward by an hour", time.Hour + 10*time.Second, time.Hour},
		{"stepped back by an hour", -time.Hour + 10*time.Second, -time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Clock{Start: start}
			if s, w := c.advance(start, 0); s != start.UnixMilli() || !w.Equal(start) {
				t.Fatalf("first evaluation at %d, %s", s, w)
			}
			s, w := c.advance(start.Add(tc.wall), 10*time.Second)
			if want := start.Add(10 * time.Second).UnixMilli(); s != want {
				t.Errorf("steady time is %d, want %d: it must not see the step", s, want)
			}
			if want := start.Add(10*time.Second + tc.wantOffset); !w.Equal(want) {
				t.Errorf("PromQL sees %s, want %s", w, want)
			}
		})
	}
}

func TestClockNeverStandsStill(t *testing.T) {
	c := Clock{Start: time.Unix(0, 0)}
	a, _ := c.advance(time.Unix(0, 0), 0)
	b, _ := c.advance(time.Unix(0, 0), 100*time.Microsecond)
	if b <= a {
		t.Errorf("two evaluations within a millisecond got the times %d and %d; the second must be later", a, b)
	}
}

// TestShiftedQueries proves that a step of the clock is invisible to ranges, offsets and lookback: the samples move along.
func TestShiftedQueries(t *testing.T) {
	st, err := store.New(store.Options{Retention: time.Hour, MaxSeries: 10})
	if err != nil {
		t.Fatal(err)
	}
	series := labels.FromStrings(labels.MetricName, "x")
	for i := range int64(10) {
		if _, err := st.Append(0, series, i*1000, float64(i)); err != nil {
			t.Fatal(err)
		}
	}
	q := newQuerier(st, log.NewNopLogger())
	for _, offset := range []time.Duration{0, 5 * time.Hour, -3 * time.Second} {
		at := time.UnixMilli(9000).Add(offset)
		for expr, want := range map[string]float64{
			"x":                               9,
			"x offset 3s":                     6,
			"sum_over_time(x[3s])":            7 + 8 + 9,
			"timestamp(x)":                    float64(at.Unix()),
			"max_over_time((x + x)[4s:1s])":   18,
			"rate(x[8s])":                     1,
			"time() - timestamp(x offset 2s)": 2,
		} {
			v, err := q.Instant(context.Background(), expr, at, offset)
			if err != nil || len(v) != 1 || v[0].F != want {
				t.Errorf("offset %s: %s = %v (%v), want %v", offset, expr, v, err, want)
			}
		}
	}
}
