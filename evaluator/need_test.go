package evaluator

import (
	"fmt"
	"strings"
	"testing"

	"chorus/rules"
)

// manyChecks is a rule file with as many custom checks, each with one alert.
func manyChecks(t testing.TB, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("groups:\n  - name: many\n    rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - {alert: A%d, expr: 'own_metric > %d', labels: {check_name: c%d, severity: critical}, annotations: {summary: s}}\n",
			i, i, i)
	}
	return ownRules(t, b.String())
}

func TestSeriesNeeded(t *testing.T) {
	shipped := SeriesNeeded(loadRules(t, rules.Options{}), 0)
	for _, tc := range []struct {
		name          string
		checks        int
		probes        int
		fits, refused int // max_series
	}{
		{"shipped rules alone", 0, 0, 400, 200},
		{"probes", 0, 100, 5000, 4000},
		{"custom checks", 1000, 0, 10_000, 8000},
		{"too many for the default", 5000, 0, 50_000, DefaultMaxSeries},
		{"both", 1000, 100, 14_000, 13_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := rules.Options{}
			if tc.checks > 0 {
				o.Own = []string{manyChecks(t, tc.checks)}
			}
			n := SeriesNeeded(loadRules(t, o), tc.probes)
			if n.Checks != tc.checks+tc.probes || n.Alerts != shipped.Alerts+tc.checks || n.Records != shipped.Records+2*tc.checks {
				t.Errorf("counted %+v", n)
			}
			if err := n.Fits(tc.fits); err != nil {
				t.Errorf("with %d: %v", tc.fits, err)
			}
			if err := n.Fits(tc.refused); err == nil {
				t.Errorf("with %d: no error, needs %d", tc.refused, n.Total())
			}
			if n.Fits(n.Total()) != nil || n.Fits(n.Total()-1) == nil {
				t.Errorf("the bound is not at %d", n.Total())
			}
		})
	}
}

func TestNeedSaysItsArithmetic(t *testing.T) {
	n := Need{Checks: 5000, Groups: 5004, Components: 1, Alerts: 5006, Records: 10_020}
	want := "max_series is 20000 but 5000 checks and 15026 rules need at least 45301 series (5000 checks x 2 + " +
		"5006 alerting rules x 3 + 10020 recording rules x 1 + 5004 groups x 2 + 1 component x 5 + 250 of the exporter): " +
		"raise max_series or remove checks"
	if err := n.Fits(20_000); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
