package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Who announces a body and never sends it gets an answer all the same, and does not keep the connection.
func TestBodyThatNeverComes(t *testing.T) {
	c := start(t)
	for _, request := range []string{"GET /health", "GET /metrics", "POST /-/reload"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%s: %v, want an answer", request, err)
			continue
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Errorf("%s: the answer breaks off: %v", request, err)
		}
		resp.Body.Close()
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("%s: after the answer comes %v, want the end of the connection", request, err)
		}
	}
}
