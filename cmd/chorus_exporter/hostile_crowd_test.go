package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"chorus/web/serve"
)

// One address that opens connections as fast as it can takes no place from another: every probe and every scrape of the
// other is answered, on every listener.
func TestCrowdOfOneAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	c, addresses := startOpen(t, "--grpc.listen-address=127.0.0.1:0")
	c.eventually("it listens for gRPC", func() bool { return listeningForGRPC.MatchString(c.log.String()) })
	addresses["gRPC"] = listeningForGRPC.FindStringSubmatch(c.log.String())[1]
	gone := watchAt(t, addresses["gRPC"])
	ctx, cancel := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	for _, address := range addresses {
		flood.Go(func() { crowdFrom(ctx, t, "127.0.0.2", address) })
	}
	failed := map[string]int{}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	const rounds = 100
	for range rounds {
		for name, url := range map[string]string{
			"scrape": "http://" + addresses["web"] + "/metrics", "probe": "http://" + addresses["probes"] + "/health/live",
		} {
			resp, err := client.Get(url)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if err != nil {
				t.Log(err)
				failed[name]++
			}
		}
		conn, err := grpc.NewClient("passthrough:///"+addresses["gRPC"], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "liveness"}); err != nil {
			t.Log(err)
			failed["gRPC probe"]++
		}
		conn.Close()
	}
	cancel()
	flood.Wait()
	for what, n := range failed {
		t.Errorf("of %d times the %s failed %d times", rounds, what, n)
	}
	select {
	case err := <-gone:
		t.Errorf("who watches was sent away: %v", err)
	default:
	}
}

// watchAt watches readiness, and says when that ends.
func watchAt(t *testing.T, address string) <-chan error {
	t.Helper()
	c := &grpcChild{child: &child{t: t}}
	c.dial(address)
	stream, err := c.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "readiness"})
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		for err == nil {
			_, err = stream.Recv()
		}
		gone <- err
	}()
	return gone
}

// crowdFrom opens connections from an address until ctx is done, and keeps the newest thousand.
func crowdFrom(ctx context.Context, t *testing.T, from, to string) {
	const keep = 1000
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	var conns []net.Conn
	opened, began := 0, time.Now()
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, "tcp", to)
		if err != nil { // it is over, or there is no port left
			time.Sleep(time.Millisecond)
			continue
		}
		opened++
		_ = conn.(*net.TCPConn).SetLinger(0) // nothing is left of it, so that ports do not run out
		if conns = append(conns, conn); len(conns) > keep {
			conns[0].Close()
			conns = conns[1:]
		}
	}
	t.Logf("%.0f connections a second to %s", float64(opened)/time.Since(began).Seconds(), to)
	if opened < 10*serve.MaxConnections {
		t.Errorf("%d connections to %s, want far more than %d", opened, to, serve.MaxConnections)
	}
	for _, conn := range conns {
		conn.Close()
	}
}
