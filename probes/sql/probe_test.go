package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"chorus/probes"
)

func newTestProbe(t *testing.T, o Options) *Probe {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// sqliteFile makes a database file and the options that ask it.
func sqliteFile(t *testing.T) (path string, o Options) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "health.db")
	o = Options{Driver: "sqlite", DSN: func(context.Context) (string, error) { return "file:" + path, nil }}
	create := o
	create.Query = "PRAGMA user_version = 1"
	p := newTestProbe(t, create)
	if _, err := p.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "no rows") {
		t.Fatalf("a statement without rows: %v, want it refused", err)
	}
	return path, o
}

func TestProbeAnswers(t *testing.T) {
	_, o := sqliteFile(t)
	p := newTestProbe(t, o)
	for range 3 {
		got, err := p.Probe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := probes.Result{Message: "query answered", Details: map[string]any{"driver": "sqlite", "open_connections": 1}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
	}
}

func TestProbeFileReplacedByGarbage(t *testing.T) {
	path, o := sqliteFile(t)
	p := newTestProbe(t, o)
	if _, err := p.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	garbage := strings.Repeat("this is no database ", 1000)
	if err := os.WriteFile(path, []byte(garbage), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Probe(t.Context()); probes.ReasonOf(err) != probes.ReasonError || strings.Contains(err.Error(), path) {
		t.Errorf("file overwritten under an open connection: %v, want a failure that does not name the file", err)
	}
	if _, err := newTestProbe(t, o).Probe(t.Context()); probes.ReasonOf(err) != probes.ReasonError {
		t.Errorf("file overwritten before connecting: %v, want a failure", err)
	}
}

func TestProbeHangingQuery(t *testing.T) {
	_, o := sqliteFile(t)
	o.Query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	p := newTestProbe(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Probe(ctx); probes.ReasonOf(err) != probes.ReasonTimeout {
		t.Errorf("Probe: %v with reason %q, want timeout", err, probes.ReasonOf(err))
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := p.Probe(ctx); probes.ReasonOf(err) != probes.ReasonCanceled {
		t.Errorf("Probe: %v with reason %q, want canceled", err, probes.ReasonOf(err))
	}
}

// The same under a probes.Runner, run after run.
func TestProbeHangingQueryInARunner(t *testing.T) {
	_, o := sqliteFile(t)
	o.Query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	told := make(chan probes.Outcome, 100)
	r, err := probes.NewRunner(probes.RunnerOptions{OnOutcome: func(o probes.Outcome) { told <- o }})
	if err != nil {
		t.Fatal(err)
	}
	spec := probes.Spec{Name: "db", Interval: 100 * time.Millisecond, Timeout: 50 * time.Millisecond, Probe: newTestProbe(t, o)}
	if err := r.Register(spec); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for range 2 {
		select {
		case got := <-told:
			if got.Reason != probes.ReasonTimeout {
				t.Errorf("outcome %v with reason %q, want timeout", got.Err, got.Reason)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("no outcome within 2 minutes")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestProbeAsksForTheDSNOfEveryConnection(t *testing.T) {
	_, o := sqliteFile(t)
	dsn := o.DSN
	var asked atomic.Int32
	o.DSN = func(ctx context.Context) (string, error) {
		if asked.Add(1) == 2 {
			return "", errors.New("read password: no such file")
		}
		return dsn(ctx)
	}
	o.ConnMaxLifetime = time.Nanosecond
	p := newTestProbe(t, o)
	var got []string
	for range 3 {
		_, err := p.Probe(t.Context())
		got = append(got, fmt.Sprint(err))
	}
	want := []string{"<nil>", "get data source name: read password: no such file", "<nil>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors of three connections (-want +got):\n%s", diff)
	}
}

// broken is a connector whose connections fail.
type broken struct{ err error }

func (b broken) Connect(context.Context) (driver.Conn, error) { return nil, b.err }
func (broken) Driver() driver.Driver                          { return nil }

func TestProbeErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, refused := net.DialTimeout("tcp", l.Addr().String(), 10*time.Second)
	special := errors.New("SQLSTATE 57P01 for user:hunter2")
	for name, c := range map[string]struct {
		err    error
		reason probes.Reason
		text   string
	}{
		"refused":         {refused, probes.ReasonRefused, refused.Error()},
		"cut":             {driver.ErrBadConn, probes.ReasonRefused, "driver: bad connection"},
		"any":             {errors.New("no such table"), probes.ReasonError, "no such table"},
		"masked":          {errors.New("user:hunter2 is wrong"), probes.ReasonError, "user:<redacted> is wrong"},
		"classified":      {special, probes.ReasonRefused, "SQLSTATE 57P01 for user:<redacted>"},
		"named by driver": {probes.WithReason(probes.ReasonIntegrity, errors.New("x")), probes.ReasonIntegrity, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestProbe(t, Options{
				Driver: "broken", Connector: broken{c.err}, Redact: []string{"hunter2"},
				Classify: func(err error) probes.Reason {
					if errors.Is(err, special) {
						return probes.ReasonRefused
					}
					return ""
				},
			})
			_, err := p.Probe(t.Context())
			if err == nil || err.Error() != c.text || probes.ReasonOf(err) != c.reason {
				t.Errorf("Probe: %v with reason %q, want %q with reason %q", err, probes.ReasonOf(err), c.text, c.reason)
			}
			if errors.Is(err, c.err) {
				t.Error("the driver's error is wrapped: whoever prints it shows its secrets")
			}
		})
	}
}

func TestProbeInvalidURL(t *testing.T) {
	p := newTestProbe(t, Options{Driver: "sqlite", DSN: func(context.Context) (string, error) {
		return "postgres://u:half/other@db/x", nil
	}})
	_, err := p.Probe(t.Context())
	if err == nil || strings.Contains(err.Error(), "half") || !strings.Contains(err.Error(), "percent-encode") {
		t.Errorf("Probe: %v, want the fix and no part of the password", err)
	}
}

func TestProbeUnknownDriver(t *testing.T) {
	p := newTestProbe(t, Options{Driver: "nosuch", DSN: func(context.Context) (string, error) { return "x", nil }})
	if _, err := p.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "open nosuch") {
		t.Errorf("Probe: %v", err)
	}
}

// Without a connection that stays open, a file that was replaced is seen by the next run.
func TestProbeCloseAfterRun(t *testing.T) {
	path, o := sqliteFile(t)
	o.CloseAfterRun = true
	p := newTestProbe(t, o)
	got, err := p.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(probes.Result{Message: "query answered", Details: map[string]any{"driver": "sqlite"}}, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if n := p.db.Stats().OpenConnections; n != 0 {
		t.Errorf("%d connections are open after the run, want 0", n)
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(strings.Repeat("garbage ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Probe(t.Context()); err == nil {
		t.Error("the probe passes after the file was replaced by garbage")
	}
}

func TestProbeRedactAlso(t *testing.T) {
	rotated := []string{"hunter2"}
	p := newTestProbe(t, Options{
		Driver: "broken", Connector: broken{errors.New("no hunter2, no hunter3, no fixed-one")}, Redact: []string{"fixed-one"},
		RedactAlso: func() []string { return rotated },
	})
	rotated = append(rotated, "hunter3")
	_, err := p.Probe(t.Context())
	if want := "no <redacted>, no <redacted>, no <redacted>"; err == nil || err.Error() != want {
		t.Errorf("Probe: %v, want %q", err, want)
	}
}

func TestProbeClosed(t *testing.T) {
	_, o := sqliteFile(t)
	p := newTestProbe(t, o)
	if _, err := p.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Probe(t.Context()); err == nil {
		t.Error("a closed probe passes")
	}
}

func TestNewRefuses(t *testing.T) {
	dsn := func(context.Context) (string, error) { return "", nil }
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"no driver":           {Options{DSN: dsn}, "no driver"},
		"no way to connect":   {Options{Driver: "x"}, "set one of"},
		"two ways to connect": {Options{Driver: "x", DSN: dsn, Connector: broken{}}, "set one of"},
		"connections":         {Options{Driver: "x", DSN: dsn, MaxOpenConns: -1}, "must be positive"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New: %v, want %q in it", err, c.want)
			}
		})
	}
}
