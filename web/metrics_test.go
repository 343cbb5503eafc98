package web

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"chorus/evaluator"
)

// metricsHandler has a measured registry with one collector that works and, if broken is set, one that fails, and a
// derived registry with one gauge.
func metricsHandler(t *testing.T, broken bool, change ...func(*Options)) *Handler {
	t.Helper()
	measured, derived := prometheus.NewRegistry(), prometheus.NewRegistry()
	up := prometheus.NewCounter(prometheus.CounterOpts{Name: "chorus_works_total", Help: "Works."})
	score := prometheus.NewGauge(prometheus.GaugeOpts{Name: "chorus_system_health_score", Help: "Score."})
	measured.MustRegister(up)
	derived.MustRegister(score)
	if broken {
		measured.MustRegister(failing{})
	}
	set := func(o *Options) {
		o.Gatherers, o.Registerer = prometheus.Gatherers{measured, derived}, measured
	}
	return newWorld(evaluator.Unhealthy).handler(t, append([]func(*Options){set}, change...)...)
}

// failing is a collector that can't collect.
type failing struct{}

var failingDesc = prometheus.NewDesc("chorus_fails", "Fails.", nil, nil)

func (failing) Describe(ch chan<- *prometheus.Desc) { ch <- failingDesc }
func (failing) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(failingDesc, errors.New("out of order"))
}

// TestMetricsFormats holds that a scraper gets the format it asks for, and both registries.
func TestMetricsFormats(t *testing.T) {
	srv := httptest.NewServer(metricsHandler(t, false))
	defer srv.Close()
	const (
		text        = "text/plain; version=0.0.4"
		openMetrics = "application/openmetrics-text; version=1.0.0"
		protobuf    = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
	)
	for accept, want := range map[string]string{
		"":           text,
		"text/plain": text,
		"application/openmetrics-text;version=1.0.0,text/plain;q=0.5": openMetrics,
		protobuf: protobuf,
	} {
		req := httptest.NewRequest("GET", "/metrics", nil)
		req.Header.Set("Accept", accept)
		rec := httptest.NewRecorder()
		srv.Config.Handler.ServeHTTP(rec, req)
		if got := rec.Header().Get("Content-Type"); rec.Code != 200 || !strings.HasPrefix(got, want) {
			t.Errorf("Accept %q: got %d, %q, want %q", accept, rec.Code, got, want)
		}
		for _, name := range []string{"chorus_works", "chorus_system_health_score", "promhttp_metric_handler"} {
			if !strings.Contains(rec.Body.String(), name) {
				t.Errorf("Accept %q: %s is missing", accept, name)
			}
		}
		if om := strings.HasSuffix(rec.Body.String(), "# EOF\n"); om != (want == openMetrics) {
			t.Errorf("Accept %q: ends with # EOF: %v", accept, om)
		}
	}
	res, page := send(t, srv, "GET", "/metrics")
	if problems, err := promlint.New(strings.NewReader(page)).Lint(); err != nil || len(problems) > 0 || res.StatusCode != 200 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestMetricsGzip(t *testing.T) {
	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	rec := httptest.NewRecorder()
	metricsHandler(t, false).ServeHTTP(rec, req)
	if got := rec.Header().Get("Content-Encoding"); got != "gzip" {
		t.Errorf("Content-Encoding %q, want gzip", got)
	}
}

// TestMetricsFailingCollector holds that one failing collector takes nothing else with it, and that the log names it.
func TestMetricsFailingCollector(t *testing.T) {
	var buf bytes.Buffer
	h := metricsHandler(t, true, func(o *Options) { o.Logger = log.NewLogfmtLogger(log.NewSyncWriter(&buf)) })
	res := ask(h, "GET", "/metrics")
	text := body(t, res)
	for _, name := range []string{"chorus_works_total 0", "chorus_system_health_score 0"} {
		if !strings.Contains(text, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if res.StatusCode != 200 || strings.Contains(text, "chorus_fails") {
		t.Errorf("got %d:\n%s", res.StatusCode, text)
	}
	if line := buf.String(); !strings.Contains(line, "level=error") || !strings.Contains(line, "out of order") {
		t.Errorf("log: %s", line)
	}
}

// TestMetricsTooMany holds that the scrape over the bound is refused and that the bound is free again afterwards.
func TestMetricsTooMany(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := prometheus.NewRegistry()
	slow.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "slow", Help: "Slow."}, func() float64 {
		entered <- struct{}{}
		<-leave
		return 1
	}))
	h := newWorld(evaluator.Healthy).handler(t, func(o *Options) {
		o.Gatherers, o.Registerer, o.MaxMetricsRequests = prometheus.Gatherers{slow}, nil, 1
	})
	codes := make(chan int)
	scrape := func() { codes <- ask(h, "GET", "/metrics").StatusCode }
	go scrape()
	<-entered
	if got := ask(h, "GET", "/metrics").StatusCode; got != 503 {
		t.Errorf("the second at once: got %d, want 503", got)
	}
	if got := ask(h, "GET", "/health").StatusCode; got != 200 {
		t.Errorf("GET /health while scrapes pile up: got %d, want 200", got)
	}
	close(leave)
	if got := <-codes; got != 200 {
		t.Errorf("the first: got %d, want 200", got)
	}
	go scrape()
	<-entered
	if got := <-codes; got != 200 {
		t.Errorf("the next: got %d, want 200", got)
	}
}
