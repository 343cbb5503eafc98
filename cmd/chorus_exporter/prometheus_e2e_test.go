//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// prometheusVersion is a Prometheus that people run.
type prometheusVersion struct {
	name    string
	program string   // under bin/
	flags   []string // those of this version alone
	scrape  string   // further keys of a scrape configuration
}

// prometheus3 is the newest; it takes native histograms beside the classic ones.
func prometheus3() prometheusVersion {
	return prometheusVersion{
		name: "Prometheus 3", program: "prometheus",
		flags:  []string{"--scrape.discovery-reload-interval=100ms"}, // else the first scrape comes after 5s
		scrape: "scrape_native_histograms: true, always_scrape_classic_histograms: true, ",
	}
}

// prometheus3Native is the newest, which takes native histograms and leaves the classic ones out where both are offered.
func prometheus3Native() prometheusVersion {
	v := prometheus3()
	v.name, v.scrape = "Prometheus 3, native histograms", "scrape_native_histograms: true, "
	return v
}

// prometheus2 is Debian's.
func prometheus2() prometheusVersion {
	return prometheusVersion{name: "Prometheus 2.42", program: "debian/usr/bin/prometheus"}
}

// target is what a Prometheus scrapes, with the labels that the scrape configuration gives it.
type target struct {
	address string
	labels  string // as YAML
}

// prometheusConfig is what a test's Prometheus is told.
type prometheusConfig struct {
	targets       []target
	jobs          []string // further scrape configurations, as YAML
	rules         []string // files
	alertmanagers []string // their addresses
	remoteWrite   string   // where to send what is scraped, and no results of rules; "": nowhere
	flags         []string
}

// text is the configuration file. Scraping is what people do every 15 or 30 seconds, here every second.
func (c prometheusConfig) text(v prometheusVersion) string {
	var b strings.Builder
	b.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files:\n")
	for _, file := range c.rules {
		fmt.Fprintf(&b, "  - %s\n", file)
	}
	fmt.Fprintf(&b, "alerting: {alertmanagers: [{static_configs: [{targets: [%s]}]}]}\n", strings.Join(c.alertmanagers, ", "))
	if c.remoteWrite != "" {
		fmt.Fprintf(&b, "remote_write: [{url: %q, write_relabel_configs: [{source_labels: [__name__], "+
			"regex: '.*:.*|ALERTS.*', action: drop}]}]\n", c.remoteWrite)
	}
	b.WriteString("scrape_configs:\n")
	if len(c.targets) > 0 {
		fmt.Fprintf(&b, "  - {job_name: chorus_exporter, %sstatic_configs: [", v.scrape)
		for _, t := range c.targets {
			fmt.Fprintf(&b, "{targets: [%q], labels: {%s}}, ", t.address, t.labels)
		}
		b.WriteString("]}\n")
	}
	for _, job := range c.jobs {
		fmt.Fprintf(&b, "  - %s\n", job)
	}
	return b.String()
}

// startPrometheus starts one with its files in a folder of the test's.
func startPrometheus(t *testing.T, v prometheusVersion, c prometheusConfig) *server {
	t.Helper()
	return startPrometheusWith(t, v, write(t, "prometheus.yml", c.text(v)), c.flags...)
}

// startPrometheusWith does so with a configuration file that is there.
func startPrometheusWith(t *testing.T, v prometheusVersion, file string, flags ...string) *server {
	t.Helper()
	address := closedPort(t)
	args := append([]string{
		"--config.file=" + file,
		"--storage.tsdb.path=" + filepath.Join(t.TempDir(), "data"),
		"--web.listen-address=" + address,
		"--rules.alert.resend-delay=1s",
		"--log.level=debug", // a scrape that fails is no warning
	}, append(v.flags, flags...)...)
	return startServer(t, v.name, address, tool(t, v.program), args...)
}

// sample is one series of an answer.
type sample struct {
	Metric    map[string]string
	Value     *point          // nil for a histogram
	Histogram json.RawMessage // nil for a float
}

// point is a time and a value.
type point float64

// UnmarshalJSON reads [time, "value"].
func (p *point) UnmarshalJSON(data []byte) error {
	var pair [2]any
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(fmt.Sprint(pair[1]), 64)
	*p = point(v)
	return err
}

// query evaluates an expression now. An error is what the server says of it.
func (s *server) query(expr string) ([]sample, error) {
	s.t.Helper()
	var answer struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := s.api("/api/v1/query", url.Values{"query": {expr}}, &answer); err != nil {
		return nil, err
	}
	var samples []sample
	if answer.ResultType == "scalar" {
		samples = []sample{{}}
		return samples, json.Unmarshal(answer.Result, &samples[0].Value)
	}
	return samples, json.Unmarshal(answer.Result, &samples)
}

// value is that of an expression with one result; ok says whether it has one.
func (s *server) value(expr string) (v float64, ok bool) {
	s.t.Helper()
	samples, err := s.query(expr)
	if err != nil {
		s.t.Fatalf("%s: %s: %v", s.name, expr, err)
	}
	if len(samples) > 1 {
		s.t.Fatalf("%s: %s has %d results, want one: %v", s.name, expr, len(samples), samples)
	}
	if len(samples) == 0 || samples[0].Value == nil {
		return 0, false
	}
	return float64(*samples[0].Value), true
}

// is says whether an expression has the one value.
func (s *server) is(expr string, want float64) bool {
	s.t.Helper()
	v, ok := s.value(expr)
	return ok && v == want
}

// scrapesCleanly checks that nothing scraped was refused: no sample twice, none out of order, no body that can't be read.
func (s *server) scrapesCleanly() {
	s.t.Helper()
	for _, name := range []string{
		"prometheus_target_scrapes_sample_duplicate_timestamp_total",
		"prometheus_target_scrapes_sample_out_of_order_total",
		"prometheus_target_scrapes_sample_out_of_bounds_total",
		"prometheus_target_scrapes_exceeded_body_size_limit_total",
		"prometheus_target_scrapes_exceeded_sample_limit_total",
	} {
		if n := s.own(name); n != 0 {
			s.t.Errorf("%s: %s = %v, want 0", s.name, name, n)
		}
	}
	for line := range strings.Lines(s.log.String()) {
		for _, words := range []string{"Append failed", "Error on ingesting", "unsupported", "Failed to determine"} {
			if strings.Contains(line, words) {
				s.t.Errorf("%s logs %s", s.name, line)
			}
		}
	}
}
