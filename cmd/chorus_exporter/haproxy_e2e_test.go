//go:build e2e && linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// backend is a service behind HAProxy, and the listener of an exporter that says whether it is well.
type backend struct{ service, health string }

// How HAProxy asks: two failures one after the other take a server out, two successes take it back.
const checkInterval, checkFalls = 200 * time.Millisecond, 2

// balance starts HAProxy in front of all services, which asks the exporters who is ready. It says so when a server goes
// down and when it comes up.
func balance(t *testing.T, backends []backend, said *output) (url string) {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		program = "/usr/sbin/haproxy"
	}
	if _, err := os.Stat(program); err != nil {
		lacking(t, "HAProxy is missing (%v): install the package haproxy", err)
	}
	addr := closedPort(t)
	var conf strings.Builder
	// No retries and no redispatch: they would hide a request that failed. A check may take longer than its interval: on a
	// busy machine that says nothing of the node.
	fmt.Fprintf(&conf, `
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  timeout check 2s
  retries 0
listen services
  bind %s
  option httpchk GET /health/ready
  http-check expect status 200
  balance roundrobin
`, addr)
	for i, b := range backends {
		_, port, _ := net.SplitHostPort(b.health)
		fmt.Fprintf(&conf, "  server node%d %s check port %s inter %s fall %d rise 2\n", i, b.service, port, checkInterval, checkFalls)
	}
	cmd := exec.Command(program, "-db", "-f", write(t, "haproxy.cfg", conf.String()))
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("haproxy: %s", said.String())
		}
	})
	url = "http://" + addr + "/"
	(&child{t: t}).eventually("HAProxy answers", func() bool {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == 200
	})
	return url
}

// startProbed starts an exporter that is guarded by a password, and is what its listener for probes answers.
func startProbed(t *testing.T, config string) *child {
	t.Helper()
	c := start(t, "--web.probe-listen-address=127.0.0.1:0", "--web.probe-detail=status",
		"--web.config.file="+write(t, "web.yml", "basic_auth_users: {me: "+nobodysHash+"}\n"),
		"--config.file="+write(t, "chorus.yml", "disable: [resource-health]\nevaluation_interval: 1s\n"+config))
	c.eventually("it listens for probes", func() bool { return listeningForProbes.MatchString(c.log.String()) })
	c.url = "http://" + listeningForProbes.FindStringSubmatch(c.log.String())[1]
	return c
}

// TestHAProxy breaks the database of one of three nodes. HAProxy takes the node out as soon as its exporter says so, sends
// it nothing until it is well again, and leaves a degraded node where it is. No request fails.
func TestHAProxy(t *testing.T) {
	db := newPostgres(t)
	db.start()
	ill := startProbed(t, "databases: [{name: orders, driver: postgres, dsn: \""+db.dsn()+"\"}]\n"+
		"checks: {orders: {interval: 500ms, timeout: 400ms}}\n")
	degraded := startProbed(t, "databases: [{name: spare, driver: postgres, dsn: \"postgres://me@127.0.0.1:1/x\"}]\n"+
		"checks: {spare: {interval: 500ms, timeout: 400ms, critical: false}}\n")
	nodes := []*child{ill, degraded, startProbed(t, "databases: [{name: own, driver: sqlite, dsn: "+sqliteFile(t)+"}]\n")}
	var behind []backend
	for i, want := range []string{"healthy", "degraded", "healthy"} {
		nodes[i].eventually(fmt.Sprintf("node %d is %s", i, want), func() bool {
			code, h := nodes[i].health("/health")
			return code == 200 && h.Status == want
		})
		behind = append(behind, backend{newService(t, fmt.Sprint("node ", i)).addr, strings.TrimPrefix(nodes[i].url, "http://")})
	}
	var said output
	url := balance(t, behind, &said)
	answered(t, url, "node 0", "node 1", "node 2")
	var client client
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() { client.run(ctx, url) })

	db.stop()
	turned := at(ill, "/health/ready is 503", func() bool { code, _ := ill.get("/health/ready"); return code == 503 })
	down := at(ill, "HAProxy takes node 0 out", func() bool { return strings.Contains(said.String(), "services/node0 is DOWN") })
	// One more interval, since it may just have asked, and time for a machine that is busy.
	if took := down.Sub(turned); took > (checkFalls+1)*checkInterval+time.Second {
		t.Errorf("node 0 was out %v after it was not ready, want %v", took, checkFalls*checkInterval)
	} else {
		t.Logf("node 0 was out %v after it was not ready", took)
	}
	answered(t, url, "node 1", "node 2")
	if code, h := degraded.health("/health/ready"); code != 200 || h.Status != "degraded" {
		t.Errorf("the degraded node is %d %s, want 200 and degraded", code, h.Status)
	}

	db.start()
	turned = at(ill, "/health/ready is 200", func() bool { code, _ := ill.get("/health/ready"); return code == 200 })
	up := at(ill, "HAProxy takes node 0 back", func() bool { return strings.Contains(said.String(), "services/node0 is UP") })
	t.Logf("node 0 was back %v after it was ready", up.Sub(turned))
	answered(t, url, "node 0", "node 1", "node 2")
	cancel()
	asking.Wait()
	if client.asked < 100 || len(client.failed) > 0 {
		t.Errorf("of %d requests %d failed, want none of many: %q", client.asked, len(client.failed), client.failed[:min(5, len(client.failed))])
	}
	if got := strings.Count(said.String(), " is DOWN"); got != 1 {
		t.Errorf("%d times a server was taken out, want once", got)
	}
}

// at waits until something holds and is the time at which it was seen.
func at(c *child, what string, holds func() bool) (seen time.Time) {
	c.t.Helper()
	c.eventually(what, func() bool { seen = time.Now(); return holds() })
	return seen
}

// answered holds that these nodes, all of them and no others, answer requests.
func answered(t *testing.T, url string, want ...string) {
	t.Helper()
	got := map[string]int{}
	for range 60 {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s, %v", resp.Status, err)
		}
		got[strings.TrimSpace(string(body))]++
	}
	for _, name := range want {
		if got[name] == 0 {
			t.Errorf("%s answers none of 60 requests: %v", name, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("requests were answered by %v, want only %q", got, want)
	}
}
