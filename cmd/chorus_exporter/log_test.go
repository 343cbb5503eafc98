package main

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/go-kit/log/level"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/promslog"
)

// Both loggers write lines of one form: ts, caller and level first, the caller is whoever logs, values keep their types.
func TestLoggersWriteAlike(t *testing.T) {
	for _, tt := range []struct{ format, want string }{
		{"logfmt", "" +
			"ts=T caller=log_test.go:N level=info msg=\"From go-kit\" duration=1s\n" +
			"ts=T caller=log_test.go:N level=info msg=\"From slog\" duration=1s n=3\n" +
			"ts=T caller=log_test.go:N level=warn msg=\"Last word\"\n"},
		{"json", "" +
			`{"caller":"log_test.go:N","duration":"1s","level":"info","msg":"From go-kit","ts":"T"}` + "\n" +
			`{"caller":"log_test.go:N","duration":"1s","level":"info","msg":"From slog","n":3,"ts":"T"}` + "\n" +
			`{"caller":"log_test.go:N","level":"warn","msg":"Last word","ts":"T"}` + "\n"},
	} {
		t.Run(tt.format, func(t *testing.T) {
			var out bytes.Buffer
			l := newLoggers(&out, logConfig(t, "info", tt.format))
			level.Debug(l).Log("msg", "Not seen")
			level.Info(l).Log("msg", "From go-kit", "duration", time.Second)
			l.slog.Debug("Not seen")
			l.slog.Info("From slog", "duration", time.Second, "n", 3)
			level.Warn(l).Log("msg", "Last word")
			got := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`).ReplaceAllString(out.String(), "T")
			got = regexp.MustCompile(`log_test\.go:\d+`).ReplaceAllString(got, "log_test.go:N")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lines differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogLevel(t *testing.T) {
	for name, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		var out bytes.Buffer
		l := newLoggers(&out, logConfig(t, name, "logfmt"))
		level.Debug(l).Log("msg", "A")
		l.slog.Info("B")
		level.Warn(l).Log("msg", "C")
		l.slog.Error("D")
		if got := bytes.Count(out.Bytes(), []byte("\n")); got != want {
			t.Errorf("level %s lets %d lines pass, want %d:\n%s", name, got, want, out.String())
		}
	}
}

func logConfig(t *testing.T, level, format string) *promslog.Config {
	t.Helper()
	c := &promslog.Config{Level: promslog.NewLevel(), Format: promslog.NewFormat()}
	if err := c.Level.Set(level); err != nil {
		t.Fatal(err)
	}
	if err := c.Format.Set(format); err != nil {
		t.Fatal(err)
	}
	return c
}
