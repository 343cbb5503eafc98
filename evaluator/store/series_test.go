package store

import (
	"testing"
	"time"
)

// The room of a new array has the bounds that the package comment states.
func TestRoomIsBounded(t *testing.T) {
	for n := range 3000 {
		for ref := Ref(1 << 32); ref < 1<<32+20; ref++ {
			if r := room(ref, n); r < n/8+8 || r > n/4+16 {
				t.Fatalf("room(%d, %d) = %d", ref, n, r)
			}
		}
	}
}

// Series that were born together must not move to new arrays together.
func TestMovesAreSpread(t *testing.T) {
	const series = 500
	for _, retained := range []int{60, benchHour} {
		s := newBench(t, series)
		s.store.SetRetention(time.Duration(retained) * benchInterval * time.Millisecond)
		for range 2 * retained {
			s.tick(t)
		}
		worst := 0
		for range retained {
			due := 0
			for _, ref := range s.refs {
				if m := s.store.index.byRef(ref); len(m.samples) == cap(m.samples) {
					due++
				}
			}
			worst = max(worst, due)
			s.tick(t)
		}
		if worst > series/5 {
			t.Errorf("%d samples each: %d of %d series are due to move in one tick", retained, worst, series)
		}
	}
}

func TestSearch(t *testing.T) {
	ss := []sample{{10, 0}, {20, 0}, {20_000, 0}}
	for _, tt := range []struct {
		name string
		t    int64
		want int
	}{
		{"before all", 1, 0}, {"the first", 10, 0}, {"between", 11, 1}, {"the last", 20_000, 2}, {"after all", 20_001, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := search(ss, tt.t); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
