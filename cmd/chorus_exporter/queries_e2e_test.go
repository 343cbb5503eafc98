//go:build e2e && linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// summary is what /health/summary answers, as far as the tests look.
type summary struct {
	OverallScore    float64            `json:"overall_score"`
	TotalChecks     float64            `json:"total_checks"`
	FailedChecks    float64            `json:"failed_checks"`
	ComponentScores map[string]float64 `json:"component_scores"`
}

func (c *child) summary() (s summary) {
	c.t.Helper()
	_, body := c.get("/health/summary")
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		c.t.Fatalf("/health/summary answers %q: %v", body, err)
	}
	return s
}

// asksRight checks that what an operator would ask has the values that the exporters themselves tell.
func (s monitor) asksRight(m *monitored) {
	s.t.Helper()
	for _, c := range m.all() {
		of := func(format string, args ...any) func(float64) bool {
			expr := fmt.Sprintf(format, args...)
			return func(want float64) bool { return s.is(expr, want) }
		}
		at := `instance="` + instance(c) + `"`
		s.soon("the system score is the exporter's", func() bool {
			return of(`chorus_system_health_score{%s}`, at)(c.summary().OverallScore)
		})
		for component := range c.summary().ComponentScores {
			s.soon("the score of "+component+" is the exporter's", func() bool {
				return of(`chorus_component_health_score{%s, component=%q}`, at, component)(c.summary().ComponentScores[component])
			})
		}
		s.countsRuns(c)
		s.soon("the status is the exporter's", func() bool {
			_, h := c.health("/health")
			return of(`chorus_health_status{%s, status=%q}`, at, h.Status)(1)
		})
	}
	s.passRates()
	s.durations()
}

// countsRuns checks that the runs counted are those that the exporter tells of, before a scrape and after it.
func (s monitor) countsRuns(c *child) {
	s.t.Helper()
	at := `instance="` + instance(c) + `"`
	before, asked := c.summary(), time.Now()
	s.soon("it has scraped again", func() bool {
		scraped, ok := s.value("timestamp(chorus_health_last_full_check_timestamp_seconds{" + at + "})")
		return ok && scraped > float64(asked.UnixMilli())/1000
	})
	total, _ := s.value(fmt.Sprintf(
		"sum(chorus_health_checks_passed_total{%[1]s}) + sum(chorus_health_checks_failed_total{%[1]s})", at))
	failed, _ := s.value("sum(chorus_health_checks_failed_total{" + at + "})")
	if total < before.TotalChecks || failed < before.FailedChecks {
		s.t.Errorf("%s counts %v runs, %v failed; before, the exporter told of %+v", s.name, total, failed, before)
	}
	s.soon("the exporter tells of as many runs", func() bool {
		after := c.summary()
		return after.TotalChecks >= total && after.FailedChecks >= failed
	})
}

// passRates checks the share of runs that passed, asked for as it is documented, against how much the counters grew.
func (s monitor) passRates() {
	s.t.Helper()
	const rate = `
  rate(chorus_health_checks_passed_total[5m])
/ (rate(chorus_health_checks_passed_total[5m]) + rate(chorus_health_checks_failed_total[5m]))`
	const passed = "(max_over_time(chorus_health_checks_passed_total[5m]) - min_over_time(chorus_health_checks_passed_total[5m]))"
	const failed = "(max_over_time(chorus_health_checks_failed_total[5m]) - min_over_time(chorus_health_checks_failed_total[5m]))"
	known := s.results(rate + " >= 0") // without checks that did not run within the range
	s.soon("there is a pass rate for every check that has run", func() bool {
		return len(s.results(rate+" >= 0")) == len(s.results("chorus_health_check_last_run_timestamp_seconds"))
	})
	// A rate is extrapolated to the range, and a counter that was 0 is not followed below it: so the two may differ a little.
	if off := s.results("abs((" + rate + ") - " + passed + " / (" + passed + " + " + failed + ")) > 0.15"); len(off) > 0 {
		s.t.Errorf("%s: of %d pass rates these are far from what the counters say: %v", s.name, len(known), off)
	}
}

// durations checks how long runs took: every run is counted once, classic and native alike, and both have a quantile.
func (s monitor) durations() {
	s.t.Helper()
	const runs = "(chorus_health_checks_passed_total + chorus_health_checks_failed_total)"
	probes := len(s.results(`chorus_health_check_info{kind="probe"}`))
	s.soon("every run of a probe is in its histogram", func() bool {
		return len(s.results("chorus_health_check_duration_seconds_count == "+runs)) == probes
	})
	quantile := "histogram_quantile(0.95, rate(chorus_health_check_duration_seconds_bucket[5m])) > 0"
	if n := len(s.results(quantile)); n != probes {
		s.t.Errorf("%s has the 95th percentile of %d probes, want that of %d", s.name, n, probes)
	}
	if s.name != prometheus3().name {
		return
	}
	s.soon("every run is in the native histogram too", func() bool {
		return len(s.results("histogram_count(chorus_health_check_duration_seconds) == "+runs)) == probes
	})
	if n := len(s.results("histogram_quantile(0.95, rate(chorus_health_check_duration_seconds[5m])) > 0")); n != probes {
		s.t.Errorf("%s has the 95th percentile of %d native histograms, want that of %d", s.name, n, probes)
	}
}

// results are those of a query that must be one.
func (s *server) results(expr string) []sample {
	s.t.Helper()
	samples, err := s.query(expr)
	if err != nil {
		s.t.Fatalf("%s: %s: %v", s.name, expr, err)
	}
	return samples
}

var documented = regexp.MustCompile("(?m)^\\| .+\\? \\| `(.+)` \\|$")

// answersDocumented checks that every query that docs/prometheus.md answers a question with has an answer.
func (s *server) answersDocumented() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(root(s.t), "docs/prometheus.md"))
	if err != nil {
		s.t.Fatal(err)
	}
	found := documented.FindAllStringSubmatch(string(text), -1)
	if len(found) < 10 {
		s.t.Errorf("%d queries in docs/prometheus.md, want those of the whole table", len(found))
	}
	for _, m := range found {
		expr := strings.ReplaceAll(m[1], `\|`, "|") // as a table has it
		s.soon(expr+" has an answer", func() bool { return len(s.results(expr)) > 0 })
	}
}
