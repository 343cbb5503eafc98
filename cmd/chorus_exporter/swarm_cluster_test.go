package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	record "github.com/libp2p/go-libp2p-record"

	"chorus/probes/p2p/devnet"
	"chorus/probes/p2p/healthrecord"
)

// isNode says whether the test binary was started as a node of a swarm, each of which is then a process.
func isNode(args []string) bool { return slices.Equal(args, []string{"node", "--controlled"}) }

func runNode() int {
	o := devnet.NodeOptions{
		In: os.Stdin, Out: os.Stdout, Validators: recordValidators(), Logger: log.NewLogfmtLogger(os.Stderr),
	}
	if err := devnet.RunNode(context.Background(), o); err != nil {
		return exitError
	}
	return exitOK
}

func recordValidators() map[string]record.Validator {
	return map[string]record.Validator{healthrecord.Namespace: healthrecord.Validator{}}
}

// cluster is a swarm of real nodes, and the exporter that watches it from another process.
type cluster struct {
	*child
	swarm *devnet.Swarm
	nodes int
	wires []*wire   // to each target, if they were asked for
	began time.Time // just before the exporter was started
}

// clusterOptions is what tests vary. The zero value of a field means what is said there.
type clusterOptions struct {
	nodes     int           // 5
	processes bool          // one process a node, else all in the test's
	heartbeat time.Duration // 300ms: how often the leader says that it leads
	timeout   time.Duration // 3s: election.heartbeat_timeout
	every     string        // 2s: interval and timeout of the probes
	threshold int           // 1: failed runs in a row until a probe's check fails
	ping      string        // "{interval: 200ms, timeout: 500ms, max_failures: 3}"
	replicas  int           // 3: p2p.replication.min_holders
	wired     bool          // a wire leads to each target, and can be cut
	defaults  bool          // nothing but the targets and min_peers is configured

	// also names further targets, once the swarm is up; none.
	also func(*devnet.Swarm) []string
}

func (o clusterOptions) complete() clusterOptions {
	o.nodes, o.threshold, o.replicas = cmp.Or(o.nodes, 5), cmp.Or(o.threshold, 1), cmp.Or(o.replicas, 3)
	o.heartbeat, o.timeout = cmp.Or(o.heartbeat, 300*time.Millisecond), cmp.Or(o.timeout, 3*time.Second)
	o.every = cmp.Or(o.every, "2s")
	o.ping = cmp.Or(o.ping, "{interval: 200ms, timeout: 500ms, max_failures: 3}")
	return o
}

func (o clusterOptions) config(targets []string) string {
	if o.defaults {
		return fmt.Sprintf("disable: [resource-health]\np2p: {targets: [\"%s\"], min_peers: 3}\nelection: {}\n",
			strings.Join(targets, `", "`))
	}
	return fmt.Sprintf(`
evaluation_interval: 1s
disable: [resource-health]
checks:
  pubsub-enhanced: {interval: %[6]s, timeout: %[6]s, failure_threshold: %[1]d}
  dht-enhanced: {interval: %[6]s, timeout: %[6]s, failure_threshold: %[1]d}
  replication-health: {interval: %[6]s, timeout: %[6]s, failure_threshold: %[1]d}
  p2p-connectivity: {interval: 1s, timeout: 1s}
  election-health: {interval: 1s, timeout: 1s}
p2p:
  targets: ["%[2]s"]
  min_peers: 3
  ping: %[3]s
  pubsub: {wait: 1s}
  replication: {min_holders: %[4]d}
election:
  heartbeat_timeout: %[5]s
`, o.threshold, strings.Join(targets, `", "`), o.ping, o.replicas, o.timeout, o.every)
}

// watch starts a swarm and an exporter, and waits until all is well. It may take 15 seconds for that.
func watch(t *testing.T, o clusterOptions) *cluster {
	t.Helper()
	o = o.complete()
	c := &cluster{swarm: startSwarm(t, o), nodes: o.nodes}
	targets := c.swarm.Targets()
	for i := range targets {
		if o.wired {
			c.wires = append(c.wires, &wire{t: t})
			targets[i] = c.wires[i].through(targets[i])
		}
	}
	if o.also != nil {
		targets = append(targets, o.also(c.swarm)...)
	}
	c.began = time.Now()
	c.child = start(t, "--config.file="+write(t, "chorus.yml", o.config(targets)))
	c.eventually("all is well", c.healthy)
	took := time.Since(c.began)
	t.Logf("%d nodes: healthy %v after the start", o.nodes, took.Round(100*time.Millisecond))
	if took > 15*time.Second {
		t.Errorf("it is healthy %v after the start, want at most 15s", took)
	}
	return c
}

func startSwarm(t *testing.T, o clusterOptions) *devnet.Swarm {
	t.Helper()
	d := devnet.Options{Nodes: o.nodes, Seed: t.Name(), HeartbeatInterval: o.heartbeat}
	startNodes := devnet.Start
	if o.processes {
		startNodes, d.Binary = devnet.StartProcesses, os.Args[0]
	} else {
		d.Validators = recordValidators()
	}
	s, err := startNodes(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (c *cluster) healthy() bool {
	code, h := c.child.health("/health")
	return code == 200 && h.Status == "healthy"
}

// status is the one word of /health.
func (c *cluster) status() string {
	c.t.Helper()
	_, h := c.child.health("/health")
	return h.Status
}

// error is what the last run of a check failed with, "" if it passed.
func (c *cluster) error(check string) string {
	c.t.Helper()
	_, h := c.child.health("/health")
	return h.Checks[check].Error
}

// fails says whether a probe's last run failed for the reason, with the words in its error.
func (c *cluster) fails(check, reason, words string) bool {
	c.t.Helper()
	return c.number(`chorus_health_check_healthy{check_name="`+check+`"}`) == 0 &&
		c.reasons(check, reason) > 0 && strings.Contains(c.error(check), words)
}

// reasons is how many runs of a probe have failed for the reason.
func (c *cluster) reasons(check, reason string) float64 {
	c.t.Helper()
	return c.number(`chorus_health_check_errors_total{check_name="` + check + `",reason="` + reason + `"}`)
}

// number is the value of a series. -1 stands for none.
func (c *cluster) number(series string) float64 {
	c.t.Helper()
	text := c.metric(series)
	if text == "" {
		return -1
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		c.t.Fatalf("%s is %q: %v", series, text, err)
	}
	return v
}

// all does something to every node of those given, or of the whole swarm.
func (c *cluster) all(lever func(int) error, nodes ...int) {
	c.t.Helper()
	if len(nodes) == 0 {
		for i := range c.nodes {
			nodes = append(nodes, i)
		}
	}
	for _, i := range nodes {
		c.done(lever(i))
	}
}

// done fails the test if a lever did not move.
func (c *cluster) done(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// leader is the node that leads by its own account.
func (c *cluster) leader() int {
	c.t.Helper()
	leaders := c.swarm.Leaders(c.t.Context())
	if len(leaders) != 1 {
		c.t.Fatalf("leaders are %v, want one", leaders)
	}
	return leaders[0]
}

// changes are the statuses that /health goes through in a while, each once until the next.
func (c *cluster) changes(while time.Duration) []string {
	c.t.Helper()
	var seen []string
	for end := time.Now().Add(while); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s := c.status(); len(seen) == 0 || seen[len(seen)-1] != s {
			seen = append(seen, s)
		}
	}
	return seen
}

// steady checks that the status does not flap for 10 seconds after a fault that the swarm bears: it changes at most
// once, and never to unhealthy.
func (c *cluster) steady() {
	c.t.Helper()
	seen := c.changes(10 * time.Second)
	if len(seen) > 2 || slices.Contains(seen, "unhealthy") {
		c.t.Errorf("the status went through %v, want at most one change and never unhealthy", seen)
	}
}
