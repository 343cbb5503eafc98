package probes

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestBoundDetails(t *testing.T) {
	list := []string{"a", "b"}
	now := time.Date(2025, 9, 30, 10, 30, 5, 0, time.UTC)
	for name, c := range map[string]struct{ in, want map[string]any }{
		"nil":      {nil, nil},
		"empty":    {map[string]any{}, nil},
		"scalars":  {map[string]any{"n": 5, "r": 0.5, "b": true, "s": "x", "nil": nil}, map[string]any{"n": 5, "r": 0.5, "b": true, "s": "x", "nil": nil}},
		"duration": {map[string]any{"d": time.Second}, map[string]any{"d": time.Second}},
		"no JSON number": {
			map[string]any{"nan": math.NaN(), "inf": math.Inf(-1)}, map[string]any{"nan": "NaN", "inf": "-Inf"},
		},
		"parts": {
			map[string]any{"l": list, "t": now, "m": map[string]int{"big": 1 << 60}},
			map[string]any{
				"l": []any{"a", "b"}, "t": "2025-09-30T10:30:05Z",
				"m": map[string]any{"big": json.Number("1152921504606846976")},
			},
		},
		"no JSON": {
			map[string]any{"f": func() {}}, map[string]any{"f": "not shown: json: unsupported type: func()"},
		},
		"too long": {
			map[string]any{"l": make([]int, 2000)}, map[string]any{"l": "not shown: 4001 bytes are too many"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := boundDetails(c.in)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("the bounded details can't be written: %v", err)
			}
		})
	}
	got := boundDetails(map[string]any{"l": list})
	list[0] = "changed"
	if diff := cmp.Diff(map[string]any{"l": []any{"a", "b"}}, got); diff != "" {
		t.Errorf("a probe can change an outcome later (-want +got):\n%s", diff)
	}
}

func TestBoundDetailsByNumberAndSize(t *testing.T) {
	many, big := make(map[string]any), make(map[string]any)
	for i := range 1000 {
		many[fmt.Sprintf("key-%03d", i)] = i
		big[fmt.Sprintf("key-%03d", i)] = strings.Repeat("x", 500)
	}
	for name, c := range map[string]struct {
		in      map[string]any
		leftOut int
	}{"number": {many, 1000 - MaxDetails + 1}, "size": {big, 1000 - 8}} {
		t.Run(name, func(t *testing.T) {
			got := boundDetails(c.in)
			text, err := json.Marshal(got)
			if err != nil || len(got) > MaxDetails || len(text) > MaxDetailsBytes+512 || got["left_out"] != c.leftOut {
				t.Errorf("%d entries, %d bytes, left out %v (%v), want %d left out", len(got), len(text), got["left_out"], err, c.leftOut)
			}
			if got["key-000"] == nil {
				t.Error("the first key was left out")
			}
		})
	}
}

func FuzzClip(f *testing.F) {
	f.Add("plain", 1)
	f.Add("ümläut", 300)
	f.Add("\xff\xfe", 1000)
	f.Add("a\xe2\x82", 500)
	f.Fuzz(func(t *testing.T, part string, times int) {
		got := clip(strings.Repeat(part, max(0, min(times, 1000))))
		if len(got) > MaxTextBytes || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid UTF-8: %v", len(got), utf8.ValidString(got))
		}
	})
}
