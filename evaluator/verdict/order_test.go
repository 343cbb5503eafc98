package verdict

import (
	"math"
	"testing"
)

func TestVerdict(t *testing.T) {
	for _, tc := range []struct {
		name  string
		in    map[string]float64
		want  Status
		sound bool
	}{
		{"exactly one", map[string]float64{"healthy": 1, "degraded": 0}, Healthy, true},
		{"none", map[string]float64{"healthy": 0}, Unhealthy, false},
		{"no rules", nil, Unhealthy, false},
		{"two", map[string]float64{"healthy": 1, "degraded": 1}, Unhealthy, false},
		{"not 1", map[string]float64{"healthy": 0.5}, Unhealthy, false},
		{"NaN", map[string]float64{"healthy": math.NaN()}, Unhealthy, false},
		{"one and NaN", map[string]float64{"healthy": 1, "degraded": math.NaN()}, Unhealthy, false},
		{"unheard of", map[string]float64{"fine": 1}, Unhealthy, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, sound := Of(tc.in); got != tc.want || sound != tc.sound {
				t.Errorf("verdict(%v) = %s, %v; want %s, %v", tc.in, got, sound, tc.want, tc.sound)
			}
		})
	}
}
