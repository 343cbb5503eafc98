//go:build e2e && linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"chorus/evaluator/shutdown"
	"chorus/probes/p2p"
	"chorus/probes/p2p/devnet"
)

const (
	fleetSize  = 20
	fleetDelay = 5 * time.Second // of the action rule, which by default waits a minute
)

// member is an exporter of the fleet with the service that it speaks for.
type member struct {
	*child
	service *service
	disk    string // a file system of its own
	wire    *wire  // its way to the cluster
}

// service is what clients use: an HTTP server that a hook stops in order.
type service struct {
	server  *http.Server
	addr    string
	stopped atomic.Bool
}

func newService(t *testing.T, name string) *service {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{addr: l.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, name) })
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) {
		s.stopped.Store(true)
		go s.server.Shutdown(context.WithoutCancel(t.Context())) // its own request must end first
	})
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.server.Serve(l) }() // it ends by Shutdown or Close
	t.Cleanup(func() { s.server.Close(); <-done })
	return s
}

// tmpfs mounts a small file system for the test.
func tmpfs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		lacking(t, "mount a tmpfs, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room in a file system, and empty gives it back.
func fill(t *testing.T, dir string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 1<<20), 0o600)
	if err == nil {
		t.Fatal("there is room for more than the file system holds")
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
}

// fleetRules are the shipped actions with a shorter wait, and a disk that is critical.
func fleetRules(t *testing.T) (actions, own string) {
	t.Helper()
	shipped, err := os.ReadFile("../../rules/actions.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(shipped), "for: 1m", "for: "+fleetDelay.String())
	if text == string(shipped) {
		t.Fatal("the shipped actions wait for something else than a minute")
	}
	return write(t, "actions.rules.yml", text), write(t, "disk.rules.yml", `
groups:
  - name: node-disk
    rules:
      - alert: NodeDiskFull
        expr: chorus_resource_disk_utilization_ratio{path!="/"} > 0.9
        labels: {check_name: node-disk, component: resources, severity: critical}
        annotations: {summary: '{{ $labels.path }} is full'}
`)
}

// startFleet starts a swarm and the exporters of its members, which know each other.
func startFleet(t *testing.T, shared string) []*member {
	t.Helper()
	swarm := startSwarm(t, clusterOptions{}.complete())
	actions, own := fleetRules(t)
	keys, ids := make([]string, fleetSize), make([]string, fleetSize)
	for i := range fleetSize {
		keys[i] = filepath.Join(t.TempDir(), "exporter.key")
		identity, err := p2p.LoadIdentity(keys[i])
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = identity.PeerIDs()[1].String()
	}
	members := make([]*member, fleetSize)
	for i := range members {
		m := &member{service: newService(t, fmt.Sprint("node ", i)), disk: tmpfs(t), wire: &wire{t: t}}
		members[i] = m
		config := fmt.Sprintf(`
node_id: node-%d
evaluation_interval: 1s
disable: [pubsub-enhanced, dht-enhanced, replication-health, p2p-connectivity]
disks: [{path: %q}, {path: %q}]
resources: {cpu: 0.999, memory: 0.999, disk: 0.9}
checks: {resource-health: {interval: 500ms, timeout: 400ms}}
rule_files: [%q, %q]
p2p:
  targets: ["%s"]
  identity_file: %q
  min_peers: 1
shutdown:
  mode: hooks
  drain_delay: 2s
  timeout: 20s
  hooks: [{name: service, post: {url: "http://%s/stop"}}]
  fleet: {exporters: ["%s"], interval: 1s}
`, i, m.disk, shared, actions, own, strings.Join(through(m.wire, swarm), `", "`), keys[i], m.service.addr,
			strings.Join(ids, `", "`))
		file := write(t, "chorus.yml", config)
		m.child = start(t, "--config.file="+file)
	}
	for i, m := range members {
		m.within(2*time.Minute, fmt.Sprintf("node %d is ready and sees the others", i), func() bool {
			code, _ := m.get("/health/ready")
			return code == 200 && m.metric("chorus_fleet_unseen_members") == "0"
		})
	}
	return members
}

func through(w *wire, swarm *devnet.Swarm) []string {
	targets := swarm.Targets()
	for i := range targets {
		targets[i] = w.through(targets[i])
	}
	return targets
}

func (m *member) within(d time.Duration, what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(d); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			m.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// gone says whether the exporter has ended.
func (m *member) gone() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// client asks all the time until ended, and keeps what failed.
type client struct {
	mu     sync.Mutex
	asked  int
	failed []string
}

func (c *client) run(ctx context.Context, url string) {
	httpClient := &http.Client{Timeout: 5 * time.Second}
	defer httpClient.CloseIdleConnections()
	for ctx.Err() == nil {
		what := ""
		resp, err := httpClient.Get(url)
		if err != nil {
			what = err.Error()
		} else {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || err != nil {
				what = fmt.Sprint(resp.Status, " ", err)
			}
		}
		c.mu.Lock()
		if c.asked++; what != "" {
			c.failed = append(c.failed, time.Now().Format(time.TimeOnly+".000 ")+what)
		}
		c.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
	}
}

// held says whether a member's shutdown is held back, for a reason with these words.
func (m *member) held(words string) bool {
	m.t.Helper()
	_, body := m.get("/health/shutdown")
	r := m.report()
	return r.State == shutdown.StageRunning && len(r.HeldBack) > 0 && strings.Contains(body, words)
}

// TestFleet plays the three acts of a fleet of twenty: one ill member goes, drained and alone; a fault that all share
// stops nobody; and who can't hear the others holds.
func TestFleet(t *testing.T) {
	shared := tmpfs(t)
	members := startFleet(t, shared)
	var behind []backend
	for _, m := range members {
		behind = append(behind, backend{service: m.service.addr, health: strings.TrimPrefix(m.url, "http://")})
	}
	url := balance(t, behind, &output{})
	var client client
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() { client.run(ctx, url) })
	}
	t.Cleanup(func() { cancel(); asking.Wait() })

	ill := members[7]
	fill(t, ill.disk)
	ill.within(time.Minute, "the ill member goes", ill.gone)
	if code := ill.exit(); code != exitRule {
		t.Errorf("exit code %d, want %d", code, exitRule)
	}
	if !ill.service.stopped.Load() {
		t.Error("its service was not stopped")
	}
	time.Sleep(3 * fleetDelay) // would anybody follow?
	rest := slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return m == ill })
	for i, m := range members {
		if m != ill && (m.gone() || m.service.stopped.Load()) {
			t.Errorf("node %d has gone too", i)
		}
	}
	cancel()
	asking.Wait()
	if client.asked < 1000 || len(client.failed) > 0 {
		t.Errorf("of %d requests %d failed, want none of many: %q", client.asked, len(client.failed),
			client.failed[:min(5, len(client.failed))])
	}
	t.Logf("%d requests, none failed", client.asked)

	fill(t, shared)
	for i, m := range rest {
		m.within(time.Minute, fmt.Sprintf("number %d of the rest says why it does not go", i), func() bool { return m.held("exporters") })
	}
	time.Sleep(3 * fleetDelay)
	for i, m := range rest {
		if m.gone() || m.report().State != shutdown.StageRunning {
			t.Errorf("number %d of the rest has gone because of a fault that all share", i)
		}
	}
	empty(t, shared)
	for i, m := range rest {
		m.within(time.Minute, fmt.Sprintf("number %d of the rest is ready again", i), func() bool {
			code, _ := m.get("/health/ready")
			return code == 200
		})
	}

	deaf := rest[3]
	deaf.wire.cut.Store(true)
	deaf.within(time.Minute, "it hears nobody", func() bool { return deaf.metric("chorus_fleet_unseen_members") == fmt.Sprint(fleetSize-1) })
	fill(t, deaf.disk)
	deaf.within(time.Minute, "who is deaf says why it does not go", func() bool { return deaf.held("") })
	time.Sleep(3 * fleetDelay)
	if deaf.gone() || deaf.report().State != shutdown.StageRunning {
		t.Error("who is deaf has gone")
	}
	deaf.wire.mend()
	deaf.within(time.Minute, "it goes once it hears the others again", deaf.gone)
	if code := deaf.exit(); code != exitRule {
		t.Errorf("exit code %d, want %d", code, exitRule)
	}
}
