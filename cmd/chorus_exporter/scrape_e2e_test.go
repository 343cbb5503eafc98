//go:build e2e

package main

import (
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// protocols are all that Prometheus asks for, by the name of the scrape job here.
func protocols() map[string]string {
	return map[string]string{
		"proto":         "PrometheusProto",
		"openmetrics":   "OpenMetricsText1.0.0",
		"openmetrics_0": "OpenMetricsText0.0.1",
		"text_1":        "PrometheusText1.0.0",
		"text":          "PrometheusText0.0.4",
	}
}

// TestScrapes has real servers scrape an exporter from its start to its stop, in every format that they ask for: no
// scrape fails, whatever the status, nothing arrives twice or out of order, and every format says the same.
func TestScrapes(t *testing.T) {
	t.Parallel()
	needServers(t)
	// Its database is locked, which the check waits out: it is starting for long enough to be seen, then unhealthy.
	c := start(t, "--config.file="+write(t, "chorus.yml", `
evaluation_interval: 1s
databases: [{driver: sqlite, dsn: "`+lockedFile(t)+`"}]
checks: {database-connectivity: {interval: 20s, timeout: 20s}}
shutdown: {drain_delay: 6s, timeout: 10s}
`))
	address := strings.TrimPrefix(c.url, "http://")
	var jobs []string
	for name, protocol := range protocols() {
		jobs = append(jobs, fmt.Sprintf(
			"{job_name: %s, scrape_protocols: [%s], static_configs: [{targets: [%q]}]}", name, protocol, address))
	}
	own := prometheusConfig{targets: []target{{address: address}}}
	v2native := prometheus2()
	v2native.name += ", native histograms"
	own2native := own
	own2native.flags = []string{"--enable-feature=native-histograms"}
	servers := []*server{
		startPrometheus(t, prometheus3(), prometheusConfig{targets: own.targets, jobs: jobs}),
		startPrometheus(t, prometheus2(), own),
		startPrometheus(t, v2native, own2native),
	}
	// everywhere waits until every job of every server has seen the status.
	everywhere := func(status string) {
		for i, s := range servers {
			want := float64(1)
			if i == 0 {
				want += float64(len(jobs))
			}
			s.soon("every job has seen the status "+status, func() bool {
				return s.is(`count(max_over_time(chorus_health_status{status="`+status+`"}[5m]) == 1)`, want)
			})
		}
	}
	everywhere("starting")
	everywhere("unhealthy")
	sameInEveryFormat(t, servers[0])
	histograms(t, servers)
	c.signal(syscall.SIGTERM)
	everywhere("stopping")
	for _, s := range servers {
		if v, ok := s.value(`min(min_over_time(up[5m]))`); !ok || v != 1 {
			t.Errorf("%s: a scrape failed", s.name)
		}
		s.scrapesCleanly()
	}
}

// lockedFile is a SQLite database that nobody else can read as long as the test runs.
func lockedFile(t *testing.T) string {
	t.Helper()
	file := sqliteFile(t)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return file
}

// sameInEveryFormat checks that the jobs have the same series.
func sameInEveryFormat(t *testing.T, s *server) {
	t.Helper()
	series := func(job string) []string {
		samples, err := s.query(`{job="` + job + `", __name__=~"(chorus|go|process)_.+"}`)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, one := range samples {
			delete(one.Metric, "job")
			names = append(names, fmt.Sprint(one.Metric))
		}
		slices.Sort(names)
		return names
	}
	if n := len(series("text")); n < 150 {
		t.Errorf("%d series scraped as text, want far more", n)
	}
	for job := range protocols() { // a new series may be in the one scrape and not yet in the other
		s.soon("the same series are scraped as text and as "+job, func() bool {
			return slices.Equal(series(job), series("text"))
		})
	}
}

// histograms checks that the durations of checks arrive as classic buckets, and as a native histogram where one is asked
// for. Prometheus 2.42 takes one or the other.
func histograms(t *testing.T, servers []*server) {
	t.Helper()
	for i, want := range []struct{ classic, native bool }{{true, true}, {true, false}, {false, true}} {
		s, all := servers[i], `{job="chorus_exporter", check_name="database-connectivity"}`
		classic, err := s.query("chorus_health_check_duration_seconds_bucket" + all)
		if err != nil {
			t.Fatal(err)
		}
		native, err := s.query("chorus_health_check_duration_seconds" + all)
		if err != nil {
			t.Fatal(err)
		}
		isNative := len(native) == 1 && native[0].Histogram != nil
		if (len(classic) > 0) != want.classic || isNative != want.native {
			t.Errorf("%s has %d classic buckets, native: %t; want classic %t, native %t",
				s.name, len(classic), isNative, want.classic, want.native)
		}
	}
}

// TestScrapeAnswers asks as scrapers do: the answer is compressed if they like, in the format they prefer, and promtool
// of both versions finds nothing to say against it.
func TestScrapeAnswers(t *testing.T) {
	t.Parallel()
	needServers(t)
	c := start(t)
	c.eventually("it is ready", func() bool { code, _ := c.get("/-/ready"); return code == http.StatusOK })
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	for accept, contentType := range map[string]string{
		"":                          "text/plain; version=0.0.4",
		"text/plain; version=0.0.4": "text/plain; version=0.0.4",
		"application/openmetrics-text;version=1.0.0":                                                 "application/openmetrics-text; version=1.0.0",
		"application/openmetrics-text;version=0.0.1":                                                 "application/openmetrics-text; version=0.0.1",
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.1":            "application/openmetrics-text; version=1.0.0",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf",
	} {
		for _, encoding := range []string{"gzip", "identity"} {
			if got := answer(t, client, c.url, accept, encoding); !strings.HasPrefix(got, contentType) {
				t.Errorf("asked for %q in %s: %q, want %q", accept, encoding, got, contentType)
			}
		}
	}
	_, text := c.get("/metrics")
	for _, promtool := range []string{"promtool", "debian/usr/bin/promtool"} {
		cmd := exec.CommandContext(t.Context(), tool(t, promtool), "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s check metrics: %v\n%s", promtool, err, out)
		}
	}
}

// answer is the content type of a scrape, whose body must be as it says and end as it should.
func answer(t *testing.T, client *http.Client, url, accept, encoding string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body io.Reader = resp.Body
	if encoding == "gzip" {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			t.Fatalf("asked for gzip, got %q: %v", resp.Header.Get("Content-Encoding"), err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "chorus_health_status") {
		t.Errorf("%s with %d bytes (%v), want 200 and the status", resp.Status, len(text), err)
	}
	contentType := resp.Header.Get("Content-Type")
	if strings.Contains(contentType, "openmetrics") && !strings.HasSuffix(string(text), "# EOF\n") {
		t.Error("OpenMetrics without its end")
	}
	return contentType
}
