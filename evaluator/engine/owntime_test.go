package engine

import (
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"chorus/evaluator/store"
)

// given is a gathered gauge x; at is its own time in seconds, 0 for none.
type given struct {
	at, value float64
}

func familyOf(metrics ...given) []*dto.MetricFamily {
	f := &dto.MetricFamily{Name: proto.String("x"), Type: dto.MetricType_GAUGE.Enum()}
	for _, g := range metrics {
		m := &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(g.value)}}
		if g.at != 0 {
			m.TimestampMs = proto.Int64(int64(g.at * 1000))
		}
		f.Metric = append(f.Metric, m)
	}
	return []*dto.MetricFamily{f}
}

// TestOwnTimes gathers every 10s from 1000s on and says what a rule sees at 1000s, 1010s, … Absent is -1. The behaviour is
// that of a scrape with honor_timestamps (scrape.scrapeLoop.append), except where it is said.
func TestOwnTimes(t *testing.T) {
	none := []given{}
	one := func(at, v float64) []given { return []given{{at, v}} }
	for _, tc := range []struct {
		name    string
		gathers [][]given
		want    []float64
		dropped map[string]uint64
		failed  int // rounds with an error
	}{
		{"no time", [][]given{one(0, 1), none}, []float64{1, -1}, nil, 0},
		{"absence is no marker", [][]given{one(1000, 1), none, none}, []float64{1, 1, 1}, nil, 0},
		{"the same again and again", [][]given{one(1000, 1), one(1000, 1), one(1000, 1)}, []float64{1, 1, 1}, nil, 0},
		{"a little old", [][]given{one(990, 1), one(1000, 2)}, []float64{1, 2}, nil, 0},
		{"older than the lookback", [][]given{one(699, 1)}, []float64{-1}, nil, 0},
		{"at the edge of the lookback", [][]given{one(700, 1)}, []float64{-1}, nil, 0},
		{"within the lookback", [][]given{one(700.001, 1), none}, []float64{1, -1}, nil, 0},
		{"older than retention", [][]given{one(300, 1)}, []float64{-1}, map[string]uint64{"out_of_bounds": 1}, 0},
		{"older than the last", [][]given{one(1000, 1), one(990, 2), one(1005, 3)}, []float64{1, 1, 3}, map[string]uint64{"out_of_order": 1}, 0},
		{"another value for the time", [][]given{one(1000, 1), one(1000, 2)}, []float64{1, 1}, map[string]uint64{"duplicate": 1}, 0},
		{"ahead", [][]given{one(1015, 1), none, none}, []float64{-1, -1, 1}, nil, 0},
		{"ten minutes ahead", [][]given{one(1600, 1)}, []float64{-1}, nil, 0},
		{"further ahead", [][]given{one(1600.001, 1), none}, []float64{-1, -1}, map[string]uint64{"out_of_bounds": 1}, 0},
		{"ahead, then the present", [][]given{one(1015, 1), one(1010, 2), one(1020, 3)}, []float64{-1, -1, 3}, map[string]uint64{"out_of_order": 1}, 0},
		{"ahead: what is known stays", [][]given{one(1000, 1), one(1600, 2), none}, []float64{1, 1, 1}, nil, 0},
		{"two times of one series", [][]given{{{995, 1}, {1000, 2}}, {{995, 1}, {1000, 2}}}, []float64{2, 2}, map[string]uint64{"out_of_order": 1}, 0},
		// as in Prometheus the series that was measured without a time is marked stale: its samples do not come any more
		{"a time from now on", [][]given{one(0, 1), one(1005, 2), one(1015, 3)}, []float64{1, -1, 3}, nil, 0},
		{"a time from now on, the present", [][]given{one(0, 1), one(1010, 2), one(1020, 3)}, []float64{1, 2, 3}, nil, 0},
		{"no time from now on", [][]given{one(1000, 1), one(0, 2), none}, []float64{1, 2, -1}, nil, 0},
		{"no time after one ahead", [][]given{one(1015, 1), one(0, 2), one(0, 3)}, []float64{-1, -1, 3}, map[string]uint64{"out_of_order": 1}, 1},
		{"twice without a time", [][]given{{{0, 1}, {0, 2}}}, []float64{1}, map[string]uint64{"duplicate": 1}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st, _ := store.New(store.Options{Retention: 11 * time.Minute, MaxSeries: 10})
			s := newSampler(&Engine{Store: st})
			dropped, failed := map[string]uint64{}, 0
			for i, metrics := range tc.gathers {
				now := int64(1_000_000 + i*10_000)
				if err := s.sample(familyOf(metrics...), Stamp{Steady: now, Wall: time.UnixMilli(now)}); err != nil {
					failed++
				}
				for reason, n := range s.dropped {
					dropped[reason] += n
				}
				got, ok := query(t, st, "x", now)["x{}"]
				if !ok {
					got = -1
				}
				if got != tc.want[i] {
					t.Errorf("at %ds: %v, want %v", now/1000, got, tc.want[i])
				}
			}
			if tc.dropped == nil {
				tc.dropped = map[string]uint64{}
			}
			if d := cmp.Diff(tc.dropped, dropped); d != "" || failed != tc.failed {
				t.Errorf("%d rounds failed, want %d; dropped (-want +got):\n%s", failed, tc.failed, d)
			}
		})
	}
}

// The time is kept to the millisecond, also after the wall clock was stepped, and a sample that is gathered once more after
// a step is no new one.
func TestOwnTimesAndClockSteps(t *testing.T) {
	for _, step := range []time.Duration{0, time.Hour, -time.Hour, 5 * time.Minute, -5 * time.Minute} {
		t.Run(step.String(), func(t *testing.T) {
			st, _ := store.New(store.Options{Retention: 11 * time.Minute, MaxSeries: 10})
			s := newSampler(&Engine{Store: st})
			steady, offset := int64(1_000_000), time.Duration(0)
			round := func(want float64, own time.Time, value float64) {
				t.Helper()
				steady += 10_000
				at := Stamp{Steady: steady, Wall: time.UnixMilli(steady).Add(offset), Offset: offset}
				if own.IsZero() {
					own = at.Wall.Add(-1234 * time.Millisecond)
				}
				if err := s.sample(familyOf(given{float64(own.UnixMilli()) / 1000, value}), at); err != nil {
					t.Fatal(err)
				}
				v, err := newQuerier(st, log.NewNopLogger()).Instant(t.Context(), "time() - timestamp(x)", at.Wall, offset)
				if err != nil || len(v) != 1 || v[0].F < want-0.0001 || v[0].F > want+0.0001 {
					t.Errorf("at %s: age %v (%v), want %v", at.Wall, v, err, want)
				}
			}
			round(1.234, time.Time{}, 1)
			cached := time.UnixMilli(steady).Add(-1234 * time.Millisecond)
			offset = step
			round(11.234, cached, 1)
			round(21.234, cached, 1)
			round(1.234, time.Time{}, 2)
			if len(s.dropped) > 0 {
				t.Errorf("dropped %v", s.dropped)
			}
		})
	}
}

// Samples with times of their own are bounded, however slowly their times go on.
func TestOwnTimesAreBounded(t *testing.T) {
	const retention = 660 // s
	for name, own := range map[string]func(i int64) int64{
		"ahead":  func(i int64) int64 { return i*5000 + 600_000 },
		"slow":   func(i int64) int64 { return 600_000 + i },
		"behind": func(i int64) int64 { return i*5000 - 600_000 },
	} {
		t.Run(name, func(t *testing.T) {
			st, _ := store.New(store.Options{Retention: retention * time.Second, MaxSeries: 10})
			s := newSampler(&Engine{Store: st})
			most := 0
			for i := range int64(1000) {
				now := i * 5000
				if err := s.sample(familyOf(given{float64(own(i)) / 1000, float64(i)}), Stamp{Steady: now, Wall: time.UnixMilli(now)}); err != nil {
					t.Fatal(err)
				}
				_, n := st.Stats()
				most = max(most, n)
			}
			if bound := (retention + 600) / 5; most > bound+2 {
				t.Errorf("%d samples, want at most %d", most, bound)
			}
		})
	}
}
