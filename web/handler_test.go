package web

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
)

func TestNewRefuses(t *testing.T) {
	w := newWorld(evaluator.Healthy)
	valid := func() Options {
		return Options{Evaluator: w, Gatherers: prometheus.Gatherers{prometheus.NewRegistry()}}
	}
	conflict := prometheus.NewRegistry()
	conflict.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "promhttp_metric_handler_requests_total", Help: "Mine.",
	}))
	tests := []struct {
		name   string
		change func(*Options)
		want   string // part of the error; "" when the options are fine
	}{
		{"only what is required", func(*Options) {}, ""},
		{"no evaluator", func(o *Options) { o.Evaluator = nil }, "Evaluator is required"},
		{"no gatherers", func(o *Options) { o.Gatherers = nil }, "Gatherers are required"},
		{"lifecycle without reload", func(o *Options) { o.EnableLifecycle = true }, "Reload is required"},
		{"negative bound", func(o *Options) { o.MaxMetricsRequests = -1 }, "MaxMetricsRequests"},
		{"relative telemetry path", func(o *Options) { o.TelemetryPath = "metrics" }, "must begin with a slash"},
		{"telemetry path of a health path", func(o *Options) { o.TelemetryPath = "/health/live" }, "path of another page"},
		{"telemetry path of a page", func(o *Options) { o.TelemetryPath = "/-/ready" }, "path of another page"},
		{"telemetry path of a check", func(o *Options) { o.TelemetryPath = "/health/checks/x" }, "path of another page"},
		{"telemetry path of all", func(o *Options) { o.TelemetryPath = "/" }, ""},
		{"metrics that can't be registered", func(o *Options) { o.Registerer = conflict }, "register the metrics"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := valid()
			tt.change(&o)
			h, err := New(o)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want == "":
				if got := ask(h, "GET", h.opts.TelemetryPath).StatusCode; got != 200 {
					t.Errorf("GET %s: got %d, want 200", h.opts.TelemetryPath, got)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzPath sends any path after /health/checks/: a known name is answered 200, anything else 404, and nothing of the
// request comes back.
func FuzzPath(f *testing.F) {
	for _, name := range []string{
		"disk-space", "dht-active", "", "/", "..", "../summary", "disk-space/", "a%2Fb", "<script>alert(1)</script>",
		"\xff", "\x00", "disk-space\n", strings.Repeat("x", 5000),
	} {
		f.Add(name)
	}
	h := newWorld(evaluator.Healthy).handler(f)
	known := map[string]bool{
		"disk-space": true, "dht-active": true, "database-connectivity": true, "pubsub-enhanced": true,
	}
	f.Fuzz(func(t *testing.T, name string) {
		req := newPathRequest(checkPrefix + name)
		rec := serve(h, req)
		if known[name] {
			if rec.Code != 200 {
				t.Errorf("%q: got %d, want 200", name, rec.Code)
			}
			return
		}
		if rec.Code != 404 || rec.Header().Get("Location") != "" {
			t.Errorf("%q: got %d, want 404", name, rec.Code)
		}
		const want = `{"error":"no check of this name, /health/checks lists them"}` + "\n"
		if got := rec.Body.String(); got != want {
			t.Errorf("%q: got %q", name, got)
		}
	})
}
