package shutdown

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	for _, tt := range []struct {
		writes []string
		want   string
	}{
		{nil, ""},
		{[]string{"abc", "defgh"}, "abcdefgh"},
		{[]string{"abc", "defghi"}, "…bcdefghi"},
		{[]string{"abc", "defghijklmnop"}, "…ijklmnop"},
		{[]string{"0123456789"}, "…23456789"},
		{[]string{" a\n", "\xff\n"}, "a\n?"},
	} {
		kept := &tail{max: 8}
		for _, w := range tt.writes {
			if n, err := fmt.Fprint(kept, w); n != len(w) || err != nil {
				t.Errorf("wrote %d of %d, %v", n, len(w), err)
			}
		}
		if got := kept.String(); got != tt.want {
			t.Errorf("%q: kept %q, want %q", tt.writes, got, tt.want)
		}
	}
	kept := &tail{max: 100}
	for range 1000 {
		fmt.Fprint(kept, strings.Repeat("x", 70))
	}
	if len(kept.kept) != 100 || cap(kept.kept) > 300 {
		t.Errorf("%d bytes in %d", len(kept.kept), cap(kept.kept))
	}
}
