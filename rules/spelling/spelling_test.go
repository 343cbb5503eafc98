package spelling

import (
	"fmt"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	names := func(n int) map[string]bool {
		out := map[string]bool{}
		for i := range n {
			out[fmt.Sprintf("long-check-name-%04d", i)] = true
		}
		return out
	}
	for _, c := range []struct {
		name, unknown string
		known         map[string]bool
		want          string
	}{
		{"nearest first", "dsk", map[string]bool{"disk": true, "task": true, "memory": true}, `; did you mean "disk" or "task"?`},
		{"few", "zzzzzzzz", map[string]bool{"disk": true, "cpu": true}, "; use one of cpu, disk"},
		{"none known", "disk", nil, ": there is none, remove it"},
		{"many, none similar", "disk", names(31), ": no check has a similar name, fix the name"},
		{"too many to compare", "disk", names(1001), ": fix the name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := DidYouMean("check", c.unknown, c.known); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
