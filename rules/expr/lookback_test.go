package expr

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

func TestLooksBack(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	for expr, want := range map[string]time.Duration{
		`a`:                                    5 * time.Minute,
		`1`:                                    0,
		`rate(a[1h])`:                          65 * time.Minute,
		`a offset 10m`:                         15 * time.Minute,
		`rate(a[1h] offset 10m)`:               75 * time.Minute,
		`max_over_time(a[30m:1m])`:             35 * time.Minute,
		`max_over_time(rate(a[5m])[30m:1m])`:   40 * time.Minute,
		`max_over_time(a[30m:1m] offset 1h)`:   95 * time.Minute,
		`sum_over_time(a[1h]) / rate(b[2h])`:   125 * time.Minute,
		`max_over_time((a offset 1m)[1m:10s])`: 7 * time.Minute,
		`sum_over_time(max_over_time(rate(a[1m])[2m:10s])[3m:10s] offset 4m)`: 15 * time.Minute,
		`a offset -10m`: -5 * time.Minute,
	} {
		e, err := p.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := LooksBack(e); got != max(want, 0) {
			t.Errorf("%s looks back %s, want %s", expr, got, max(want, 0))
		}
	}
}
