package grpchealth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// A stop sends away who watches, and says that it is a stop.
func TestStopWithWatchers(t *testing.T) {
	var v verdict
	r := run(t, &v)
	defer r.conn.Close()
	var streams []grpc_health_v1.Health_WatchClient
	for range maxStreams {
		stream := watchOf(t.Context(), t, r, Readiness)
		next(t, stream, notServing)
		streams = append(streams, stream)
	}
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(began); took >= finishTimeout {
		t.Errorf("the stop took %v, want less than %v", took, finishTimeout)
	}
	for _, stream := range streams {
		if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
			t.Errorf("the end of the stream says %v, want UNAVAILABLE", err)
		}
	}
}

// A client that neither reads nor leaves delays the stop no longer than it is bounded.
func TestStopWithDeafClient(t *testing.T) {
	var v verdict
	r := run(t, &v)
	defer r.conn.Close()
	conn, err := r.listener.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	greet(t, conn)
	v.ready.Store(true)
	stopsInTime(t, r)
}

// stopsInTime stops the server, which must not take longer than its bound and a moment.
func stopsInTime(t *testing.T, r *running) {
	t.Helper()
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if took := time.Since(began); took > finishTimeout+time.Minute {
		t.Errorf("the stop took %v, want about %v at most", took, finishTimeout)
	}
}

// Nor does one that connects and does not speak, for which the server waits longer than for the calls under way.
func TestStopWithSilentClient(t *testing.T) {
	var v verdict
	r := run(t, &v)
	defer r.conn.Close()
	if got := r.check(t, Readiness); got != notServing { // it serves
		t.Errorf("ready is %v, want %v", got, notServing)
	}
	conn, err := r.listener.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != nil { // of its settings: it has been accepted
		t.Fatal(err)
	}
	stopsInTime(t, r)
}

// A stop that comes before the server has begun is a stop like any other.
func TestStopAtOnce(t *testing.T) {
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		s, err := New(Options{Verdict: new(verdict).judge})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(stopped, bufconn.Listen(1)); err != nil {
			t.Fatalf("Serve: %v", err)
		}
	}
}

// greet begins HTTP/2 and a call that never goes on.
func greet(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	// :method POST, :scheme http, :path and content-type as literals without index.
	block := []byte{0x83, 0x86}
	for _, field := range [][2]string{{":path", "/grpc.health.v1.Health/Watch"}, {"content-type", "application/grpc"}, {"te", "trailers"}} {
		block = append(block, 0, byte(len(field[0])))
		block = append(block, field[0]...)
		block = append(block, byte(len(field[1])))
		block = append(block, field[1]...)
	}
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true})
	if err == nil { // an empty request: the service without a name
		err = framer.WriteData(1, true, []byte{0, 0, 0, 0, 0})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What is too large is refused, and other names than ours, however many are watched, leave nothing behind.
func TestForeignNames(t *testing.T) {
	var v verdict
	r := run(t, &v)
	defer r.end(t)
	long := &grpc_health_v1.HealthCheckRequest{Service: strings.Repeat("x", maxMessageBytes)}
	if _, err := r.Check(t.Context(), long); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("Check of a name of %d bytes: %v, want RESOURCE_EXHAUSTED", maxMessageBytes, err)
	}
	before := heap()
	name := strings.Repeat("x", maxMessageBytes/2)
	const names = 2000
	for i := range names {
		ctx, cancel := context.WithCancel(t.Context())
		stream := watchOf(ctx, t, r, fmt.Sprint(name, i))
		next(t, stream, unknownOne)
		cancel()
		_, _ = stream.Recv() // it has ended
	}
	const most = names * maxMessageBytes / 4
	for end := time.Now().Add(20 * time.Second); heap() > before+most; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d names watched took more than %d bytes for good: %d", names, most, heap()-before)
		}
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Who opens more connections than there may be loses the oldest of them, and others are served meanwhile.
func TestCrowd(t *testing.T) {
	var v verdict
	v.ready.Store(true)
	var text strings.Builder
	const limit = 8
	r := run(t, &v, func(o *Options) {
		o.MaxConnections = limit
		o.Logger = log.NewLogfmtLogger(log.NewSyncWriter(&text))
	})
	var gone atomic.Int64
	var conns []net.Conn
	for i := range 10 * limit {
		conn, err := r.listener.Dial()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		go func() {
			_, _ = io.Copy(io.Discard, conn) // to its end
			gone.Add(1)
		}()
		if i%limit == 0 {
			r.conn.Close() // a prober comes again each time
			r.conn = dial(t, r.listener)
			r.HealthClient = grpc_health_v1.NewHealthClient(r.conn)
			if got := r.check(t, Readiness); got != serving {
				t.Errorf("in the crowd, ready is %v, want %v", got, serving)
			}
		}
	}
	for end := time.Now().Add(4 * time.Second); gone.Load() < 9*limit; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) { // before the bound on the greeting closes them all
			t.Fatalf("%d of %d connections are closed, want %d", gone.Load(), len(conns), 9*limit)
		}
	}
	for _, conn := range conns {
		conn.Close()
	}
	r.end(t)
	if got := strings.Count(text.String(), "gRPC connections reached"); got != 1 {
		t.Errorf("logged %d times, want once:\n%s", got, text.String())
	}
}

// A listener that breaks is an error, after which nothing is left.
func TestBrokenListener(t *testing.T) {
	s, err := New(Options{Verdict: new(verdict).judge})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := s.Serve(t.Context(), brokenListener{err: broken}); !errors.Is(err, broken) {
		t.Errorf("Serve: %v, want %v", err, broken)
	}
}

type brokenListener struct {
	net.Listener
	err error
}

func (l brokenListener) Accept() (net.Conn, error) { return nil, l.err }
func (brokenListener) Close() error                { return nil }
func (brokenListener) Addr() net.Addr              { return &net.TCPAddr{} }
