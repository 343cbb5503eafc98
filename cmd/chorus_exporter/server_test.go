package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Who announces a body and never sends it gets an answer all the same, and does not keep the connection.
func TestBodyThatNeverComes(t *testing.T) {
	t.Parallel()
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

var listeningForProbes = regexp.MustCompile(`Listening for probes on (127\.0\.0\.1:\d+)`)

// A kubelet reaches the health paths, and nothing else, beside a listener that asks for a password.
func TestProbeListener(t *testing.T) {
	t.Parallel()
	for detail, told := range map[string]bool{"full": true, "status": false} {
		c := start(t, "--web.probe-listen-address=127.0.0.1:0", "--web.probe-detail="+detail,
			"--web.config.file="+write(t, "web.yml", "basic_auth_users: {me: "+nobodysHash+"}\n"))
		c.eventually("it listens for probes", func() bool { return listeningForProbes.MatchString(c.log.String()) })
		probes := &child{t: t, url: "http://" + listeningForProbes.FindStringSubmatch(c.log.String())[1]}
		probes.eventually("it is ready", func() bool { code, _ := probes.get("/health/ready"); return code == 200 })
		if code, body := probes.get("/health"); code != 200 || strings.Contains(body, `"checks"`) != told {
			t.Errorf("detail %s: /health answers %d %s, want the checks: %v", detail, code, body, told)
		}
		for _, path := range []string{"/", "/metrics", "/config", "/health/summary", "/health/shutdown", "/-/reload"} {
			if code, _ := probes.get(path); code != 404 {
				t.Errorf("%s = %d on the listener for probes, want 404", path, code)
			}
		}
		if code, _ := c.get("/health"); code != 401 {
			t.Errorf("/health = %d on the other listener, want 401", code)
		}
	}
	out, code := once(t, "--web.listen-address=127.0.0.1:0", "--web.probe-listen-address=192.0.2.1:0")
	if code != exitError || !strings.Contains(out, "run the probe server: --web.probe-listen-address: ") {
		t.Errorf("exit code %d, want %d and that the address is wrong:\n%s", code, exitError, out)
	}
}
