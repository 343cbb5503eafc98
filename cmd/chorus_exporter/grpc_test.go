package main

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

var listeningForGRPC = regexp.MustCompile(`Listening for gRPC health checks on (127\.0\.0\.1:\d+)`)

// grpcChild is a running exporter with a client of its gRPC listener.
type grpcChild struct {
	*child
	grpc_health_v1.HealthClient
	address string
}

func startGRPC(t *testing.T, args ...string) *grpcChild {
	t.Helper()
	c := &grpcChild{child: start(t, append([]string{"--grpc.listen-address=127.0.0.1:0"}, args...)...)}
	c.eventually("it listens for gRPC", func() bool { return listeningForGRPC.MatchString(c.log.String()) })
	c.dial(listeningForGRPC.FindStringSubmatch(c.log.String())[1])
	return c
}

func (c *grpcChild) dial(address string) {
	c.t.Helper()
	c.address = address
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	c.HealthClient = grpc_health_v1.NewHealthClient(conn)
}

// says is what a service answers: a status, or the code of an error.
func (c *grpcChild) says(service string) string {
	c.t.Helper()
	resp, err := c.Check(c.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		return status.Code(err).String()
	}
	return resp.Status.String()
}

// eventuallySays waits until the services answer like that; the empty one always answers like readiness.
func (c *grpcChild) eventuallySays(liveness, readiness string) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("liveness is %s and readiness %s", liveness, readiness), func() bool {
		return c.says("liveness") == liveness && c.says("readiness") == readiness && c.says("") == readiness
	})
}

// From the first verdict to the stop gRPC says what the paths say, and the listener lives until the drain is over.
func TestGRPCLife(t *testing.T) {
	t.Parallel()
	c := startGRPC(t, "--config.file="+write(t, "c.yml", "shutdown: {drain_delay: 5s}\n"+
		"resources: {cpu: 0.99, memory: 0.99, disk: 0.99}\n"),
		"--web.config.file="+write(t, "web.yml", "basic_auth_users: {me: "+nobodysHash+"}\n"))
	c.eventuallySays("SERVING", "SERVING")
	if got := c.says("resource-health"); got != codes.NotFound.String() {
		t.Errorf("a service that there is not: %s, want %v", got, codes.NotFound)
	}
	stream, err := c.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "readiness"})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := stream.Recv(); err != nil || resp.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("told %v, %v, want SERVING", resp, err)
	}
	began := time.Now()
	c.signal(syscall.SIGTERM)
	if resp, err := stream.Recv(); err != nil || resp.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("told %v, %v, want NOT_SERVING", resp, err)
	}
	if live, ready := c.says("liveness"), c.says("readiness"); live != "NOT_SERVING" || ready != "NOT_SERVING" {
		t.Errorf("while it drains liveness is %s and readiness %s, want NOT_SERVING", live, ready)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ends with %v, want UNAVAILABLE", err)
	}
	if took := time.Since(began); took < 5*time.Second {
		t.Errorf("the stream ended after %v, before the drain was over", took)
	}
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
	for _, line := range []string{"has not ended", "level=error", "level=warn"} {
		if strings.Contains(c.log.String(), line) {
			t.Errorf("the log has %s", line)
		}
	}
}

// While it starts a node is live and not ready.
func TestGRPCStarting(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	c := startGRPC(t, "--config.file="+write(t, "c.yml", fmt.Sprintf("databases:\n- {name: deaf, driver: postgres, "+
		"dsn: 'postgres://me@%s/x?sslmode=disable'}\nchecks: {deaf: {interval: 5m, timeout: 4m}}\n", deaf.Addr())))
	c.eventually("it was evaluated", func() bool { code, h := c.health("/health"); return code == 503 && h.Status == "starting" })
	c.eventuallySays("SERVING", "NOT_SERVING")
}

// An evaluator that stalls pushes nothing; it is found out all the same, by who asks and who watches. Here it never runs.
func TestGRPCStall(t *testing.T) {
	var text output
	f, _, done := parseFlags([]string{"--grpc.listen-address=127.0.0.1:0"}, &text, &text)
	if done {
		t.Fatal(text.String())
	}
	logger := newLoggers(&text, logConfig(t, "info", "logfmt"))
	p, err := prepare(write(t, "c.yml", "evaluation_interval: 1s\nstall_timeout: 3s\n"), nil, logger)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(f, p, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.serveGRPC(ctx) }()
	c := &grpcChild{child: &child{t: t}}
	c.eventually("it listens for gRPC", func() bool { return listeningForGRPC.MatchString(text.String()) })
	c.dial(listeningForGRPC.FindStringSubmatch(text.String())[1])
	stream, err := c.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "liveness"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SERVING", "NOT_SERVING"} {
		resp, err := stream.Recv()
		if err != nil || resp.Status.String() != want {
			t.Fatalf("told %v, %v, want %s", resp, err, want)
		}
	}
	c.eventuallySays("NOT_SERVING", "NOT_SERVING")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Two flags that ask for one port are told so by their names.
func TestAddressTwice(t *testing.T) {
	for _, tt := range []struct {
		args []string
		text string
	}{
		{
			[]string{"--grpc.listen-address=:8081"},
			"--grpc.listen-address=:8081: the port is taken by --web.listen-address=:8081; choose another",
		},
		{
			[]string{"--web.probe-listen-address=127.0.0.1:8082", "--grpc.listen-address=0.0.0.0:8082"},
			"--grpc.listen-address=0.0.0.0:8082: the port is taken by --web.probe-listen-address=127.0.0.1:8082; choose another",
		},
		{
			[]string{"--web.listen-address=[::]:8000", "--web.probe-listen-address=localhost:8000"},
			"--web.probe-listen-address=localhost:8000: the port is taken by --web.listen-address=[::]:8000; choose another",
		},
		{
			[]string{"--web.listen-address=:8000", "--web.listen-address=:8000"},
			"--web.listen-address=:8000: given twice; remove one",
		},
	} {
		out, code := once(t, tt.args...)
		if code != exitUsage || !strings.Contains(out, "error: "+tt.text+"; see") {
			t.Errorf("%v: exit code %d, want %d and %q in:\n%s", tt.args, code, exitUsage, tt.text, out)
		}
	}
	for _, pair := range [][2]string{
		{"127.0.0.1:1", "127.0.0.1:2"},
		{"127.0.0.1:1", "127.0.0.2:1"},
		{"127.0.0.1:0", "127.0.0.1:0"},
		{"0.0.0.0:1", "[::1]:1"},
		{":1", ""},
		{"nonsense", "nonsense"},
	} {
		if overlap(pair[0], pair[1]) {
			t.Errorf("%q and %q overlap, want that both can be listened on", pair[0], pair[1])
		}
	}
	out, code := once(t, "--web.listen-address=127.0.0.1:0", "--grpc.listen-address=192.0.2.1:0")
	if code != exitError || !strings.Contains(out, "run the gRPC server: --grpc.listen-address: ") {
		t.Errorf("exit code %d, want %d and that the address is wrong:\n%s", code, exitError, out)
	}
}
