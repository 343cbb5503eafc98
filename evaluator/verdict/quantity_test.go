package verdict

import (
	"math"
	"testing"
)

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{0.9346, "ratio", "93.46%"},
		{0.9, "ratio", "90%"},
		{1, "ratio", "100%"},
		{90, "seconds", "1m 30s"},
		{0.25, "seconds", "250ms"},
		{1.5 * (1 << 30), "bytes", "1.5 GiB"},
		{512, "bytes", "512 B"},
		{1, "peers", "1 peer"},
		{0, "peers", "no peers"},
		{2, "copies", "2 copies"},
		{1, "copies", "1 copy"},
		{1234567, "", "1234567"},
		{0.123456, "", "0.1235"},
		{math.NaN(), "", "NaN"},
		{math.Inf(1), "seconds", "+Inf"},
		{-3, "peers", "-3 peers"},
		{math.Inf(-1), "bytes", "-Inf PiB"},
	} {
		if got := quantity(c.v, c.unit); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func TestMentions(t *testing.T) {
	for _, c := range []struct {
		text string
		v    float64
		unit string
		want bool
	}{
		{"/ is 97% full", 0.97, "ratio", true},
		{"/ is 97.12% full", 0.971234, "ratio", true},
		{"/ is full", 0.97, "ratio", false},
		{"/data2 is full", 3, "", false},
		{"only 2 peers", 2, "peers", true},
		{"no peers connected", 0, "peers", true},
		{"unknown peers", 0, "peers", false},
		{"took 1m 30s", 90, "seconds", true},
		{"5 of 8", 8, "", true},
		{"-4 left", -4, "", true},
		{"5", math.NaN(), "", false},
	} {
		if got := mentions(c.text, c.v, c.unit); got != c.want {
			t.Errorf("%q shows %v %s: %v, want %v", c.text, c.v, c.unit, got, c.want)
		}
	}
}
