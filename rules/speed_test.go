package rules

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// BenchmarkLoadMany loads as many own rules as there may be, each a check with templates and queries of its own, and
// recording rules that carry a label of the server from one to the next.
func BenchmarkLoadMany(b *testing.B) {
	var t strings.Builder
	var files []string
	flush := func() {
		file := fmt.Sprintf("%s/%d.rules.yml", b.TempDir(), len(files))
		if err := os.WriteFile(file, []byte(t.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		files = append(files, file)
		t.Reset()
	}
	for i := range maxRules - 20 {
		if i%1000 == 0 {
			if i > 0 {
				flush()
			}
			fmt.Fprintf(&t, "groups:\n- name: g%d\n  rules:\n", i)
		}
		if i%2 == 0 {
			fmt.Fprintf(&t, "  - {record: 'site:r%d', expr: 'site:r%d offset 1m or label_replace(x%d, \"job\", \"a\", \"\", \"\")'}\n", i, i+2, i)
			continue
		}
		fmt.Fprintf(&t, "  - {alert: A%d, expr: x%d > 1, labels: {check_name: c%d, severity: info}, annotations: "+
			"{summary: '{{ $labels.x }} is {{ $value | humanize }} %d', description: '{{ with query \"y%d\" }}{{ . | first | value }}{{ end }}'}}\n",
			i, i, i, i, i)
	}
	flush()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(fixture(), Options{Own: files, Actions: []string{"shutdown"}}); err != nil {
			b.Fatal(err)
		}
	}
}
