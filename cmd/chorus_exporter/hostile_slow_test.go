package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"chorus/web/serve"
)

// Clients that take their time are cut off when theirs is over, and keep nobody waiting.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	_, addresses := startOpen(t, "--web.enable-lifecycle", "--web.enable-pprof")
	g, guardedAddresses := startOpen(t, "--web.config.file="+
		write(t, "web.yml", fmt.Sprintf("basic_auth_users: {me: \"%s\"}\n", hash(t, rightPassword))))
	const slack = time.Minute
	var clients sync.WaitGroup
	cut := func(what, address, begin, drip string, bound time.Duration) {
		clients.Go(func() {
			if took := lifetime(t, address, begin, drip); took > bound+slack {
				t.Errorf("%s on %s was cut off after %v, want %v at most", what, address, took, bound)
			}
		})
	}
	for _, address := range addresses {
		cut("nothing", address, "", "", serve.ReadTimeout)
		cut("a slow header", address, "GET /health HTTP/1.1\r\nX: ", "a", serve.ReadTimeout)
		cut("a slow body", address, "POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "a", serve.BodyTimeout)
		cut("a slow chunked body", address, "GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", serve.BodyTimeout)
	}
	// The password is asked for before anything of ours could bound the body.
	cut("a slow body without a password", guardedAddresses["web"],
		"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "", serve.ReadTimeout)
	for _, path := range []string{"/metrics", "/health"} {
		clients.Go(func() {
			if took := deaf(t, addresses["web"], path); took > serve.WriteTimeout+serve.ReadTimeout+slack {
				t.Errorf("who asks for %s and never reads was cut off after %v, want %v at most", path, took, serve.WriteTimeout)
			}
		})
	}
	clients.Go(func() { // it lasts longer than a request may take to come
		began := time.Now()
		code, _ := send(t, addresses["web"], "GET /debug/pprof/trace?seconds=12 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if took := time.Since(began); code != 200 || took < 12*time.Second {
			t.Errorf("a trace of 12 seconds is %d after %v", code, took)
		}
	})
	done := make(chan struct{})
	go func() { defer close(done); clients.Wait() }()
	for {
		select {
		case <-done:
			prompt(t, guardedAddresses["probes"])
			if strings.Contains(g.log.String(), "level=error") {
				t.Error("an error is logged")
			}
			return
		case <-time.After(time.Second):
			prompt(t, addresses["web"])
			prompt(t, addresses["probes"])
		}
	}
}

// lifetime is how long a connection lasts on which begin is sent, and then drip every half second.
func lifetime(t *testing.T, address, begin, drip string) time.Duration {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	began := time.Now()
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = io.Copy(io.Discard, conn) }() // to its end
	_, err = io.WriteString(conn, begin)
	for tick := time.NewTicker(500 * time.Millisecond); err == nil; {
		select {
		case <-ended:
			return time.Since(began)
		case <-tick.C:
			if drip != "" {
				_, err = io.WriteString(conn, drip)
			}
			if time.Since(began) > 2*patience {
				return time.Since(began)
			}
		}
	}
	return time.Since(began)
}

// deaf is how long a connection lasts that asks for a path all the time and never reads.
func deaf(t *testing.T, address, path string) time.Duration {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096) // less would do too
	began := time.Now()
	request := strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n", 100)
	for time.Since(began) < 2*patience && err == nil {
		if err = conn.SetWriteDeadline(time.Now().Add(2 * patience)); err == nil {
			_, err = io.WriteString(conn, request)
		}
	}
	return time.Since(began)
}

// Many connections that do nothing neither keep others out nor take much; what they take is given back.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	c, addresses := startOpen(t, "--grpc.listen-address=127.0.0.1:0")
	c.eventually("it listens for gRPC", func() bool { return listeningForGRPC.MatchString(c.log.String()) })
	addresses["gRPC"] = listeningForGRPC.FindStringSubmatch(c.log.String())[1]
	before, routines := c.number("process_resident_memory_bytes"), c.number("go_goroutines")
	const many = 1000
	var conns []net.Conn
	for name, address := range addresses {
		for i := range many {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			if i%2 == 0 && name != "gRPC" { // a header that does not end, as long as it may nearly be
				_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\n"+longHeader()) // it may be sent away by now
			}
			if i%100 == 0 && name != "gRPC" {
				prompt(t, address)
			}
		}
	}
	during, most := c.number("process_resident_memory_bytes"), c.number("go_goroutines")
	t.Logf("%d connections: from %.1f to %.1f MB, from %.0f to %.0f goroutines", len(conns), before/1e6, during/1e6, routines, most)
	if most-routines > 2*serve.MaxConnections+3*128+50 {
		t.Errorf("%d connections cost %.0f goroutines, want no more than the bounds on connections", len(conns), most-routines)
	}
	if during-before > 100e6 {
		t.Errorf("%d connections cost %.1f MB, want at most 100", len(conns), (during-before)/1e6)
	}
	for _, conn := range conns {
		conn.Close()
	}
	c.eventually("the goroutines have gone", func() bool { return c.number("go_goroutines") < routines+20 })
	if got := strings.Count(c.log.String(), "level=warn"); got > 2 {
		t.Errorf("%d warnings are logged, want one for each protocol", got)
	}
}

// longHeader has as many fields as fit.
func longHeader() string {
	var b strings.Builder
	for i := 0; b.Len() < serve.MaxHeaderBytes+3<<10; i++ {
		fmt.Fprintf(&b, "%x:y\r\n", i)
	}
	return b.String()
}

// number is the value of a metric.
func (c *child) number(series string) float64 {
	c.t.Helper()
	_, body := c.get("/metrics")
	return valueIn(c.t, body, series)
}

// valueIn is the value of a series in the metrics.
func valueIn(t *testing.T, metrics, series string) float64 {
	t.Helper()
	for line := range strings.Lines(metrics) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("%s is not in the metrics", series)
	return 0
}
