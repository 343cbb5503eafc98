package serve

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of one kind is two lines at first and one a minute then, and keeps no other kind out.
func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		s := NewSeldom(slog.NewTextHandler(&text, nil), time.Minute)
		logger := slog.New(s)
		lines := func() []string {
			var lines []string
			for line := range strings.Lines(text.String()) {
				_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
				lines = append(lines, line)
			}
			return lines
		}
		for i := range 1000 {
			logger.Warn(fmt.Sprintf("http: TLS handshake error from 192.0.2.1:%d: EOF", i))
		}
		logger.Warn("http: panic serving 192.0.2.1:1: oh")
		logger.Info("TLS is enabled.")
		logger.Info("TLS is enabled.")
		time.Sleep(time.Minute)
		synctest.Wait()
		for range 4 {
			logger.With("a", "b").Error("http: TLS handshake error from 192.0.2.1:7: EOF")
		}
		s.Flush()
		time.Sleep(time.Hour)
		synctest.Wait()
		logger.Warn("http: TLS handshake error from 192.0.2.1:8: EOF")
		s.Flush()
		want := []string{
			`level=WARN msg="http: TLS handshake error from 192.0.2.1:0: EOF"`,
			`level=WARN msg="http: panic serving 192.0.2.1:1: oh"`,
			`level=INFO msg="TLS is enabled."`,
			`level=INFO msg="TLS is enabled."`,
			`level=WARN msg="999 more like it in at most 1m0s: http: TLS handshake"`,
			`level=ERROR msg="4 more like it in at most 1m0s: http: TLS handshake"`,
			`level=WARN msg="http: TLS handshake error from 192.0.2.1:8: EOF"`,
		}
		if got := lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// However many kinds there are, few are remembered and nearly none is written.
func TestSeldomKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		s := NewSeldom(slog.NewTextHandler(&text, nil), time.Minute)
		for i := range 1000 {
			slog.New(s).Warn(fmt.Sprint("kind ", i))
		}
		if got := len(s.kinds.known); got != maxKinds+1 {
			t.Errorf("%d kinds are remembered, want %d", got, maxKinds+1)
		}
		s.Flush()
		if got := strings.Count(text.String(), "\n"); got != maxKinds+2 {
			t.Errorf("%d lines, want %d:\n%s", got, maxKinds+2, text.String())
		}
	})
}
