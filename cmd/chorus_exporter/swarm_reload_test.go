package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reloadWith writes the file and asks for a reload.
func (c *child) reloadWith(file, config string) {
	c.t.Helper()
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.signal(syscall.SIGHUP)
}

// What joins a cluster is made once: a reload that would change it is refused and names the key.
func TestReloadSwarm(t *testing.T) {
	const settings = "  allow_peers: [" + nodeID + "]\n  pubsub: {wait: 5s}\nelection: {heartbeat_timeout: 20s}\nevaluation_interval: 200ms\n"
	config := lonely(nowhere) + settings
	file := write(t, "chorus.yml", config)
	c := start(t, "--config.file="+file)
	const mend = "a change needs a restart; restart, or put back what it was"
	for _, tt := range []struct{ name, old, now, text string }{
		{"target", "/tcp/1/", "/tcp/2/", "chorus.yml:3: p2p.targets: " + mend},
		{"allowed peers", "allow_peers: [" + nodeID + "]", "allow_cidrs: [10.0.0.0/8]", "chorus.yml:2: p2p.allow_peers: " + mend},
		{"allowed networks", "allow_peers: [", "allow_cidrs: [10.0.0.0/8]\n  allow_peers: [", "chorus.yml:4: p2p.allow_cidrs: " + mend},
		{"identity", "p2p:\n", "p2p:\n  identity_file: other.key\n", "chorus.yml:2: p2p.identity_file: " + mend},
		{
			"QUIC", "p2p:\n", "p2p:\n  quic: true\n",
			"chorus.yml:2: p2p.quic: a change from false to true needs a restart; restart, or put false back",
		},
		{
			"native metrics", "p2p:\n", "p2p:\n  native_metrics: true\n",
			"chorus.yml:2: p2p.native_metrics: a change from false to true needs a restart; restart, or put false back",
		},
		{
			"topic", "{wait: 5s}", "{topic: other}",
			"chorus.yml:5: p2p.pubsub.topic: a change from CHORUS/health-test/v1 to other needs a restart; " +
				"restart, or put CHORUS/health-test/v1 back",
		},
		{
			"protocol", "p2p:\n", "p2p:\n  dht: {protocol_prefix: /other}\n",
			"chorus.yml:2: p2p.dht.protocol_prefix: a change from /chorus to /other needs a restart; restart, or put /chorus back",
		},
		{
			"namespace", "p2p:\n", "p2p:\n  dht: {namespace: ipns}\n",
			"chorus.yml:2: p2p.dht.namespace: a change from health to ipns needs a restart; restart, or put health back",
		},
		{
			"bucket", "p2p:\n", "p2p:\n  dht: {bucket_size: 8}\n",
			"chorus.yml:2: p2p.dht.bucket_size: a change from 20 to 8 needs a restart; restart, or put 20 back",
		},
		{
			"topic of heartbeats", "{heartbeat_timeout: 20s}", "{topic: beats}",
			"chorus.yml:6: election.topic: a change from CHORUS/admin/heartbeat/v1 to beats needs a restart; " +
				"restart, or put CHORUS/admin/heartbeat/v1 back",
		},
		{"no election", "election: {heartbeat_timeout: 20s}\n", "", "chorus.yml: election: " + mend},
		{"no cluster", config, "evaluation_interval: 200ms\n", "chorus.yml: p2p: " + mend},
		{"a fault beside a change", "{wait: 5s}", "{wait: 6s, mode: loud}", "chorus.yml:5: p2p.pubsub.mode: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(config, tt.old) {
				t.Fatalf("the configuration is without %q", tt.old)
			}
			_, before := c.get("/config")
			c.reloadWith(file, strings.Replace(config, tt.old, tt.now, 1))
			c.eventually("the log says why: "+tt.text, func() bool { return strings.Contains(c.log.String(), tt.text) })
			if _, after := c.get("/config"); after != before {
				t.Errorf("/config has changed:\n%s", after)
			}
		})
	}
	c.reloadWith(file, config+"disable: [dht-enhanced]\n")
	c.eventually("the probe is off", func() bool {
		_, body := c.get("/health/checks/dht-enhanced")
		return strings.Contains(body, `"state":"disabled"`)
	})
}

// All other settings of a cluster and its election change while everything runs, without a new connection; with a fault
// among them none does.
func TestSwarmReloads(t *testing.T) {
	nodes := startSwarm(t, clusterOptions{nodes: 5, heartbeat: 300 * time.Millisecond})
	const timing = "\nevaluation_interval: 200ms\ndisable: [resource-health]\nchecks:\n" +
		"  pubsub-enhanced: {interval: 5s, timeout: 5s, failure_threshold: 1}\n" +
		"  dht-enhanced: {interval: 1s, timeout: 1s, failure_threshold: 1}\n" +
		"  replication-health: {interval: 1s, timeout: 1s}\n"
	targets := "p2p:\n  targets: [\"" + strings.Join(nodes.Targets(), `", "`) + "\"]\n"
	file := write(t, "chorus.yml", targets+"  ping: {interval: 1h}\nelection: {heartbeat_timeout: 3s}\n"+timing)
	c := &cluster{child: start(t, "--config.file="+file), swarm: nodes, nodes: 5}
	c.eventually("all is well", c.healthy)
	const pings = "chorus_p2p_peer_latency_seconds_count"
	before := c.number(pings)

	const changed = "  min_peers: 4\n  ping: {interval: 300ms, timeout: 300ms, max_failures: 50}\n" +
		"  dht: {min_holders: 6}\n" +
		"  replication: {min_holders: 7, keys: [{name: app, key: /health/nothing}]}\n" +
		"  pubsub: {mode: answered, exporters: [" + nodeID + "], wait: 3500ms}\n" +
		"election: {heartbeat_timeout: 4s, max_skew: 1h, allow: [{peer: " + nodeID + ", name: other}]}\n"
	c.reloadWith(file, targets+strings.Replace(changed, "key: /health/nothing", "cid: none", 1)+timing)
	c.eventually("the fault is named", func() bool {
		return strings.Contains(c.log.String(), "chorus.yml:6: p2p.replication.keys[0]: ")
	})
	if got := c.number("chorus_p2p_min_peers"); got != 3 {
		t.Errorf("min_peers is %v after a reload that was refused, want 3", got)
	}
	if got := c.number("chorus_election_heartbeat_timeout_seconds"); got != 3 {
		t.Errorf("the timeout of heartbeats is %v after a reload that was refused, want 3", got)
	}

	c.reloadWith(file, targets+changed+timing)
	for series, want := range map[string]float64{
		"chorus_p2p_min_peers": 4, "chorus_replication_min_holders": 7,
		"chorus_election_heartbeat_timeout_seconds": 4, `chorus_replication_holders{key="app"}`: 0,
	} {
		c.eventually(series+" follows", func() bool { return c.number(series) == want })
	}
	c.eventually("pings come often", func() bool { return c.number(pings) >= before+30 })
	c.eventually("nobody answers", func() bool { return c.fails("pubsub-enhanced", "timeout", "no exporter answered the ping") })
	c.eventually("six nodes are required", func() bool { return c.fails("dht-enhanced", "error", "5 of 5 nodes hold the value, 6 are required") })
	if n := strings.Count(c.log.String(), "Connection lost"); n > 0 {
		t.Errorf("%d connections were lost over the reload", n)
	}

	c.reloadWith(file, targets+"election: {heartbeat_timeout: 3s, fields: {term: other}}\n"+timing)
	c.eventually("the key is no longer watched", func() bool { return c.metric(`chorus_replication_holders{key="app"}`) == "" })
	c.eventually("heartbeats without that field are refused", func() bool {
		return c.number(`chorus_election_heartbeats_total{result="malformed"}`) > 0
	})
	c.reloadWith(file, targets+"election: {heartbeat_timeout: 3s}\n"+timing)
	c.eventually("all is well again", c.healthy)
}

// Without any heartbeat an election has no leader, as soon as the timeout is over; until then nothing is known of it. That
// is long before startup_timeout.
func TestElectionWithoutHeartbeat(t *testing.T) {
	t.Parallel()
	file := write(t, "chorus.yml", lonely(nowhere)+`
election: {heartbeat_timeout: 8s}
evaluation_interval: 200ms
disable: [resource-health, dht-enhanced, replication-health, p2p-connectivity]
checks: {pubsub-enhanced: {critical: false}}
`)
	c := start(t, "--config.file="+file)
	began := time.Now()
	check := func() (h health) { _, h = c.health("/health"); return h }
	c.eventually("the other checks have results", func() bool {
		return strings.HasPrefix(check().Message, "starting: waiting for election-health")
	})
	if state := check().Checks["election-health"].State; state == "firing" {
		t.Errorf("election-health is %s when nothing can be known of it", state)
	}
	c.eventually("it is no longer starting", func() bool { return check().Status != "starting" })
	if took := time.Since(began); took < 7*time.Second {
		t.Errorf("it had a verdict after %v, want none before the timeout", took)
	}
	if h := check().Checks["election-health"]; h.State != "firing" || !strings.Contains(h.Message, "no heartbeat of a leader for") {
		t.Errorf("election-health is %s, %q, want it to fire for the lack of heartbeats", h.State, h.Message)
	}
}

// libp2p's own metrics are in /metrics if they are asked for. Rules do not see them: they cost the evaluator no series,
// and --config.check says so of a rule that asks for them.
func TestNativeMetrics(t *testing.T) {
	const dials = "libp2p_swarm_dial_errors_total"
	config := lonely(nowhere) + "evaluation_interval: 200ms\nrule_files: [own.rules.yml]\n"
	file := write(t, "chorus.yml", strings.Replace(config, "p2p:\n", "p2p:\n  native_metrics: true\n", 1))
	const rules = `groups:
  - name: own
    rules:
      - alert: Native
        expr: ` + dials + ` > 0
        labels: {check_name: native, severity: warning}
        annotations: {summary: seen}
      - alert: Control
        expr: go_goroutines > 0
        labels: {check_name: control, severity: warning}
        annotations: {summary: seen}
`
	own := filepath.Join(filepath.Dir(file), "own.rules.yml")
	if err := os.WriteFile(own, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := once(t, "--config.check", "--config.file="+file); code != exitOK || !strings.Contains(out, dials) {
		t.Errorf("--config.check = %d %s, want that a rule reads %s", code, out, dials)
	}
	if out, code := once(t, "--config.check", "--config.strict", "--config.file="+file); code != exitError {
		t.Errorf("--config.check --config.strict = %d %s, want an error", code, out)
	}
	c := start(t, "--config.file="+file)
	var body string
	c.eventually("libp2p has counted", func() bool {
		_, body = c.get("/metrics")
		return strings.Contains(body, "\n"+dials+"{")
	})
	for _, name := range []string{"libp2p_rcmgr_connections", "chorus_p2p_connected_peers"} {
		if !strings.Contains(body, "# TYPE "+name+" gauge") {
			t.Errorf("/metrics is without %s", name)
		}
	}
	seen := time.Now()
	c.eventually("rules see the exporter's metrics", func() bool {
		_, h := c.health("/health")
		return h.Checks["control"].State == "firing" && h.Checks["control"].Timestamp.After(seen)
	})
	if _, h := c.health("/health"); h.Checks["native"].State == "firing" || h.Checks["native"].State == "" {
		t.Errorf("the check of libp2p's metrics is %q, want it there and without data", h.Checks["native"].State)
	}

	off := start(t, "--config.file="+write(t, "chorus.yml", lonely(nowhere)))
	if _, body := off.get("/metrics"); strings.Contains(body, "libp2p_") {
		t.Error("libp2p's own metrics are exposed though nobody asked for them")
	}
}
