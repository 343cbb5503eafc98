package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startOpen starts an exporter with all its listeners, and returns the addresses of those for HTTP.
func startOpen(t *testing.T, args ...string) (c *child, addresses map[string]string) {
	t.Helper()
	c = start(t, append([]string{"--web.probe-listen-address=127.0.0.1:0"}, args...)...)
	c.eventually("it listens for probes", func() bool { return listeningForProbes.MatchString(c.log.String()) })
	return c, map[string]string{
		"web":    strings.TrimPrefix(c.url, "http://"),
		"probes": listeningForProbes.FindStringSubmatch(c.log.String())[1],
	}
}

func dialTCP(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// send writes a request as it stands and reads one answer; code 0 says that the connection ended without.
func send(t *testing.T, address, text string) (code int, answer string) {
	t.Helper()
	conn := dialTCP(t, address)
	go func() { _, _ = io.WriteString(conn, text) }() // the server may not want all of it
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return 0, ""
	}
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // a reset may cut it
	return resp.StatusCode, fmt.Sprint(resp.Header, string(body))
}

// prompt holds that /health is answered, and soon.
func prompt(t *testing.T, address string) {
	t.Helper()
	began := time.Now()
	code, _ := send(t, address, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if took := time.Since(began); (code != 200 && code != 503) || took > patience {
		t.Errorf("meanwhile /health on %s is %d after %v, want an answer soon", address, code, took)
	}
}

// What is malformed, or aims at something else than a page of ours, is refused by every listener and tells nothing.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	const rest = " HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
	c, addresses := startOpen(t)
	for name, address := range addresses {
		for _, tt := range []struct {
			request string
			codes   []int // of which one is right
		}{
			{"GET /../../etc/passwd" + rest, []int{404}},
			{"GET /health/../../../etc/passwd" + rest, []int{404}},
			{"GET /%2e%2e/%2e%2e/etc/passwd" + rest, []int{404}},
			{"GET /..%2f..%2fetc%2fpasswd" + rest, []int{404}},
			{"GET /health/checks/..%2f..%2fetc%2fpasswd" + rest, []int{404}},
			{"GET /health/checks/../../etc/passwd" + rest, []int{404}},
			{"GET /..\\..\\etc\\passwd" + rest, []int{404}},
			{"GET /%00" + rest, []int{404}},
			{"GET //health" + rest, []int{404}},
			{"GET /health/" + rest, []int{404}},
			{"GET /HEALTH" + rest, []int{404}},
			{"GET /%zz" + rest, []int{400}},
			{"GET health" + rest, []int{400}},
			{"TRACE /health" + rest, []int{405}},
			{"DELETE /health" + rest, []int{405}},
			{"CONNECT evil.example:443" + rest, []int{404}},
			{"OPTIONS *" + rest, []int{200, 404}},
			{"GET /health HTTP/1.1\r\n\r\n", []int{400}}, // no host
			{"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", []int{400}},
			{"GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", []int{400}},
			{"GET /health HTTP/9.9\r\nHost: a\r\n\r\n", []int{505}},
			{"GET /health HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", []int{400}},
			{"GET /health HTTP/1.1\r\nHost: a\r\nBad\x00: b\r\n\r\n", []int{400}},
			{"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", []int{400}},
			{"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", []int{400}},
			{"GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: secret\r\n\r\n", []int{501}},
			{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{0, 400, 404, 405, 505}},
			{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 600) + "\r\n\r\n", []int{0, 400}}, // TLS
			{strings.Repeat("A", 1<<20), []int{0, 400, 431}},
			{"GET /" + strings.Repeat("a", 1<<20) + rest, []int{431}},
			{"GET /health HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", []int{431}},
			{"GET /health HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: a\r\n", 1<<18) + "\r\n", []int{431}},
		} {
			code, answer := send(t, address, tt.request)
			right := false
			for _, want := range tt.codes {
				right = right || code == want
			}
			if !right {
				t.Errorf("%s: %.60q is %d, want one of %v", name, tt.request, code, tt.codes)
			}
			for _, leak := range []string{"root:", "chorus_", "evil.example", "goroutine "} {
				if strings.Contains(answer, leak) {
					t.Errorf("%s: %.60q tells %q: %.200s", name, tt.request, leak, answer)
				}
			}
			prompt(t, address)
		}
		if code, answer := send(t, address, "GET /health"+rest); code == 404 || strings.Contains(answer, "evil") || strings.Contains(answer, "Location") {
			t.Errorf("%s: with another's host name /health is %d %s, want that the name changes nothing", name, code, answer)
		}
	}
	for line := range strings.Lines(c.log.String()) {
		if !strings.Contains(line, "level=info") {
			t.Errorf("logged %s", line)
		}
	}
}

// A body that never ends is cut off, on every method and every listener.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	_, addresses := startOpen(t, "--web.enable-lifecycle")
	const most = 32 << 20 // of which most is in the buffers of the operating system
	for name, address := range addresses {
		for _, line := range []string{"GET /health", "GET /metrics", "POST /-/reload", "PUT /nowhere", "POST /health"} {
			conn := dialTCP(t, address)
			if _, err := io.WriteString(conn, line+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, conn) }() // to its end
			chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat("a", 1<<16))
			sent := 0
			for sent < most {
				n, err := io.WriteString(conn, chunk)
				if sent += n; err != nil {
					break
				}
			}
			if sent >= most {
				t.Errorf("%s: %s takes %d bytes of a body, want an end", name, line, sent)
			}
		}
		prompt(t, address)
	}
}
