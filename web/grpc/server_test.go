package grpchealth

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serving    = grpc_health_v1.HealthCheckResponse_SERVING
	notServing = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	unknownOne = grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
)

// verdict is one that a test turns.
type verdict struct {
	live, ready, broken atomic.Bool
	asked               atomic.Int64
}

func (v *verdict) judge() (live, ready bool) {
	v.asked.Add(1)
	if v.broken.Load() {
		panic("no verdict")
	}
	return v.live.Load(), v.ready.Load()
}

// running is a server and a client of it.
type running struct {
	grpc_health_v1.HealthClient
	server   *Server
	listener *bufconn.Listener
	conn     *grpc.ClientConn
	stop     func() error // ends the server and waits
}

// run starts a server that tells v, on a listener in memory.
func run(t testing.TB, v *verdict, change ...func(*Options)) *running {
	t.Helper()
	o := Options{Verdict: v.judge}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l := bufconn.Listen(1 << 16)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	r := &running{server: s, listener: l, conn: dial(t, l)}
	r.HealthClient = grpc_health_v1.NewHealthClient(r.conn)
	r.stop = func() error { cancel(); return <-ended }
	return r
}

func dial(t testing.TB, l *bufconn.Listener) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///test",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// end stops both sides.
func (r *running) end(t testing.TB) {
	t.Helper()
	r.conn.Close()
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func (r *running) check(t testing.TB, service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	t.Helper()
	resp, err := r.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatalf("Check %q: %v", service, err)
	}
	return resp.Status
}

func TestCheck(t *testing.T) {
	var v verdict
	r := run(t, &v)
	defer r.end(t)
	for _, tt := range []struct{ live, ready bool }{{false, false}, {true, false}, {true, true}, {false, true}, {false, false}} {
		v.live.Store(tt.live)
		v.ready.Store(tt.ready)
		want := map[string]grpc_health_v1.HealthCheckResponse_ServingStatus{
			"": servingStatus(tt.ready), Readiness: servingStatus(tt.ready), Liveness: servingStatus(tt.live),
		}
		for service, status := range want {
			if got := r.check(t, service); got != status {
				t.Errorf("%+v: %q is %v, want %v", tt, service, got, status)
			}
		}
		list, err := r.List(t.Context(), &grpc_health_v1.HealthListRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for service, status := range want {
			if got := list.Statuses[service].GetStatus(); got != status || len(list.Statuses) != len(want) {
				t.Errorf("%+v: the list %v has %q as %v, want %v", tt, list, service, got, status)
			}
		}
	}
	for _, service := range []string{"grpc.health.v1.Health", "LIVENESS", "unknown"} {
		if _, err := r.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service}); status.Code(err) != codes.NotFound {
			t.Errorf("Check %q: %v, want NOT_FOUND", service, err)
		}
	}
}

// Those who watch learn of a turn at once when the server is told, and within a second when nobody tells it.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v verdict
		v.live.Store(true)
		r := run(t, &v)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ready := watchOf(ctx, t, r, Readiness)
		whole := watchOf(ctx, t, r, "")
		live := watchOf(ctx, t, r, Liveness)
		other := watchOf(ctx, t, r, "other")
		for _, w := range []struct {
			stream grpc_health_v1.Health_WatchClient
			want   grpc_health_v1.HealthCheckResponse_ServingStatus
		}{{ready, notServing}, {whole, notServing}, {live, serving}, {other, unknownOne}} {
			next(t, w.stream, w.want)
		}
		v.ready.Store(true)
		before := time.Now()
		r.server.Refresh()
		next(t, ready, serving)
		next(t, whole, serving)
		if took := time.Since(before); took != 0 {
			t.Errorf("told of the turn %v after Refresh, want at once", took)
		}
		v.ready.Store(false)
		v.live.Store(false)
		next(t, ready, notServing)
		next(t, live, notServing)
		if took := time.Since(before); took > watchInterval {
			t.Errorf("told of a turn by age after %v, want within %v", took, watchInterval)
		}
		r.conn.Close()
		if err := r.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func watchOf(ctx context.Context, t *testing.T, r *running, service string) grpc_health_v1.Health_WatchClient {
	t.Helper()
	stream, err := r.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatalf("Watch %q: %v", service, err)
	}
	return stream
}

func next(t *testing.T, stream grpc_health_v1.Health_WatchClient, want grpc_health_v1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	if resp, err := stream.Recv(); err != nil || resp.Status != want {
		t.Fatalf("told %v, %v, want %v", resp.GetStatus(), err, want)
	}
}

// A verdict that panics is neither live nor ready, is logged once, and the server goes on.
func TestPanic(t *testing.T) {
	var v verdict
	v.live.Store(true)
	v.ready.Store(true)
	var text strings.Builder
	r := run(t, &v, func(o *Options) { o.Logger = log.NewLogfmtLogger(log.NewSyncWriter(&text)) })
	for range 2 {
		if got := r.check(t, Liveness); got != serving {
			t.Errorf("live is %v, want %v", got, serving)
		}
		v.broken.Store(true)
		for range 5 {
			if got := r.check(t, Liveness); got != notServing {
				t.Errorf("without a verdict, live is %v, want %v", got, notServing)
			}
		}
		v.broken.Store(false)
	}
	r.end(t)
	if got := strings.Count(text.String(), "panic: no verdict"); got != 2 {
		t.Errorf("logged %d times, want once for each time it began:\n%s", got, text.String())
	}
}

func TestNewRefuses(t *testing.T) {
	for want, o := range map[string]Options{
		"grpc options: Verdict is required":                 {},
		"grpc options: MaxConnections must not be negative": {Verdict: new(verdict).judge, MaxConnections: -1},
	} {
		if _, err := New(o); err == nil || err.Error() != want {
			t.Errorf("New: %v, want %s", err, want)
		}
	}
}

// BenchmarkCheck is one call, first the service alone, then with all that gRPC does around it, in memory.
func BenchmarkCheck(b *testing.B) {
	var v verdict
	v.live.Store(true)
	request := &grpc_health_v1.HealthCheckRequest{Service: Readiness}
	b.Run("service", func(b *testing.B) {
		s := newService(v.judge, log.NewNopLogger())
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Check(b.Context(), request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("call", func(b *testing.B) {
		r := run(b, &v)
		defer r.end(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Check(b.Context(), request); err != nil {
				b.Fatal(err)
			}
		}
	})
}
