package web

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKeyMetrics(t *testing.T) {
	tests := []struct {
		name string
		in   map[string]float64
		want map[string]any
	}{
		{"nothing is measured", nil, map[string]any{}},
		{
			"what is not measured is left out",
			map[string]float64{"active_tasks": math.NaN(), "connected_peers": math.Inf(1)},
			map[string]any{},
		},
		{
			"zero is a value",
			map[string]float64{"active_tasks": 0, "admin_uptime": 0},
			map[string]any{"active_tasks": 0.0, "admin_uptime": "0s"},
		},
		{"uptime in whole seconds", map[string]float64{"admin_uptime": 9015.9}, map[string]any{"admin_uptime": "2h30m15s"}},
		{"uptime that no duration can hold", map[string]float64{"admin_uptime": 1e300}, map[string]any{}},
		{
			"utilization is one object",
			map[string]float64{"resource_utilization_cpu": 0.25, "resource_utilization_gpu": 1},
			map[string]any{"resource_utilization": map[string]float64{"cpu": 0.25, "gpu": 1}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, keyMetrics(tt.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeconds(t *testing.T) {
	for v, ok := range map[float64]bool{
		0: true, -5.5: true, 9.2e9: true, 9.3e9: false, -9.3e9: false, math.MaxInt64: false,
		math.MaxInt64 / float64(time.Second): true,
	} {
		if d, got := seconds(v); got != ok || (ok && math.Abs(d.Seconds()-v) > 1) {
			t.Errorf("seconds(%v): got %v, %v", v, d, got)
		}
	}
}
