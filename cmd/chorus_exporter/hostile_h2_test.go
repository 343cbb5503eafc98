package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"chorus/web/serve"
)

// hostileH2 speaks HTTP/2 as one pleases.
type hostileH2 struct {
	t    *testing.T
	conn net.Conn
	*http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	told    chan http2.ErrCode // of the GOAWAY, if there is one; closed with the connection
	resets  chan http2.ErrCode // of the first stream taken back; closed likewise
}

func newHostileH2(t *testing.T, conn net.Conn) *hostileH2 {
	t.Helper()
	h := &hostileH2{t: t, conn: conn, Framer: http2.NewFramer(conn, conn), told: make(chan http2.ErrCode, 1), resets: make(chan http2.ErrCode, 1)}
	h.encoder = hpack.NewEncoder(&h.block)
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(h.told)
		defer close(h.resets)
		for {
			frame, err := h.ReadFrame()
			if streamErr := (http2.StreamError{}); errors.As(err, &streamErr) {
				continue
			}
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.GoAwayFrame:
				select {
				case h.told <- frame.ErrCode:
				default:
				}
			case *http2.RSTStreamFrame:
				select {
				case h.resets <- frame.ErrCode:
				default:
				}
			}
		}
	}()
	return h
}

// headers begins a stream with these fields.
func (h *hostileH2) headers(stream uint32, fields ...string) error {
	h.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := h.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			h.t.Error(err)
		}
	}
	return h.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: h.block.Bytes(), EndHeaders: true})
}

// reset begins streams and takes each back at once, until the server has had enough or there were many.
func (h *hostileH2) reset(fields ...string) (streams int) {
	const many = 20000
	for streams < many {
		stream := uint32(2*streams + 1)
		if h.headers(stream, fields...) != nil || h.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
			return streams
		}
		streams++
	}
	return streams
}

// Streams that are taken back as soon as they begin cost no more than those that may be open at once.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	ca, dir := newAuthority(t), t.TempDir()
	ca.issue(dir, 5, time.Now().Add(time.Hour))
	c := startGRPC(t, "--web.probe-listen-address=127.0.0.1:0", "--web.config.file="+
		write(t, "web.yml", "tls_server_config: {cert_file: "+dir+"/cert.pem, key_file: "+dir+"/key.pem}\n"))
	config := ca.config(nil)
	config.NextProtos = []string{"h2"}
	c.url = strings.Replace(c.url, "http://", "https://", 1)
	g := &guarded{child: c.child, ca: ca}
	gauge := func() float64 {
		_, body, err := g.ask(config, "/metrics", "")
		if err != nil {
			t.Fatal(err)
		}
		return valueIn(t, body, "go_goroutines")
	}
	before := gauge()
	for range 5 {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(c.url, "https://"), config)
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != "h2" {
			t.Fatalf("speaks %q, want h2", got)
		}
		web := newHostileH2(t, conn)
		streams := web.reset(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/metrics")
		t.Logf("HTTP: %d streams", streams)
	}
	for range 5 {
		plain, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatal(err)
		}
		rpc := newHostileH2(t, plain)
		streams := rpc.reset(":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/grpc.health.v1.Health/Watch",
			"content-type", "application/grpc", "te", "trailers")
		t.Logf("gRPC: %d streams", streams)
	}
	if most := gauge(); most > before+10*(serve.MaxStreams+8) {
		t.Errorf("%.0f goroutines, before %.0f, want few more", most, before)
	}
	c.eventually("readiness is told", func() bool { return c.says("readiness") == "SERVING" })
	if code, _, err := g.ask(config, "/health", ""); code != 200 && code != 503 || err != nil {
		t.Errorf("meanwhile /health is %d, %v", code, err)
	}
	c.eventually("the goroutines have gone", func() bool { return gauge() < before+30 })
	if got := strings.Count(c.log.String(), "level=warn"); got > 2 {
		t.Errorf("%d warnings are logged, want two at most", got)
	}
}

// What is no gRPC, asks for too much, or does not go on is refused or cut off, and says nothing in the log.
func TestHostileGRPC(t *testing.T) {
	t.Parallel()
	c := startGRPC(t)
	for name, tt := range map[string]struct{ text, answer string }{
		"HTTP/1":  {"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		"garbage": {strings.Repeat("A", 1<<20), ""},
		"TLS":     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 600), ""},
	} {
		conn := dialTCP(t, c.address)
		go func() { _, _ = io.WriteString(conn, tt.text) }() // the server may not want all of it
		answer, err := io.ReadAll(conn)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) || strings.Contains(string(answer), "HTTP/1") {
			t.Errorf("%s: %q, %v, want the end of the connection", name, answer, err)
		}
	}
	if took := lifetime(t, c.address, "PRI * HTTP/2.0", ""); took > patience {
		t.Errorf("half a greeting is cut off after %v, want 5s", took)
	}
	large := newHostileH2(t, dialTCP(t, c.address))
	if err := large.headers(1, ":method", "POST", ":scheme", "http", ":path", "/grpc.health.v1.Health/Check",
		"content-type", "application/grpc", "te", "trailers", "x", strings.Repeat("a", 15<<10)); err != nil {
		t.Error(err)
	}
	select {
	case <-large.resets: // the stream or the connection has ended
	case <-time.After(patience):
		t.Error("a header of 15 KB is neither refused nor cut off")
	}
	eager := newHostileH2(t, dialTCP(t, c.address))
	for i := range 10 { // pings without pause
		if err := eager.WritePing(false, [8]byte{byte(i)}); err != nil {
			break
		}
	}
	if code, ok := <-eager.told; ok && code != http2.ErrCodeEnhanceYourCalm { // a reset may overtake it
		t.Errorf("who pings without pause is sent away with %v, want ENHANCE_YOUR_CALM", code)
	}
	if got := c.says("liveness"); got != "SERVING" {
		t.Errorf("meanwhile liveness is %s, want SERVING", got)
	}
	for line := range strings.Lines(c.log.String()) {
		if !strings.Contains(line, "level=info") {
			t.Errorf("logged %s", line)
		}
	}
}
