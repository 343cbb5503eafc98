package shutdown

import (
	"testing"
	"time"
)

func TestLimit(t *testing.T) {
	drained := time.Now()
	b := bounds{drained: drained, deadline: drained.Add(24 * time.Second)}
	own := func(timeouts ...time.Duration) (w wave) {
		for _, d := range timeouts {
			w = append(w, &step{component: Component{Timeout: d}})
		}
		return w
	}
	const s, ms = time.Second, time.Millisecond
	tests := map[string]struct {
		now   time.Duration
		begun int
		later []wave
		want  time.Duration // since the drain
		grace time.Duration
	}{
		"alone":                            {0, 0, nil, 23500 * ms, 500 * ms},
		"one follows":                      {0, 0, []wave{own(0)}, 17500 * ms, 500 * ms},
		"one has gone before":              {2 * s, 1, []wave{own(0)}, 19500 * ms, 500 * ms},
		"one follows and needs little":     {0, 0, []wave{own(s, 2*s)}, 21 * s, 500 * ms},
		"one follows, one of it unbounded": {0, 0, []wave{own(s, 0)}, 17500 * ms, 500 * ms},
		"one follows and asks for a lot":   {0, 0, []wave{own(time.Hour)}, 17500 * ms, 500 * ms},
		"many were registered late":        {18 * s, 1, []wave{own(0), own(0), own(0)}, 19 * s, 500 * ms},
		"hardly any time is left":          {23900 * ms, 1, []wave{own(0)}, 23925 * ms, 25 * ms},
		"no time is left":                  {24 * s, 1, []wave{own(0)}, 24100 * ms, 500 * ms},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			limit, grace := b.limit(drained.Add(tt.now), tt.begun, tt.later)
			if got := limit.Sub(drained); got != tt.want || grace != tt.grace {
				t.Errorf("limit %v and grace %v, want %v and %v", got, grace, tt.want, tt.grace)
			}
		})
	}
}
