package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"

	"chorus/probes/p2p"
	"chorus/probes/p2p/devnet"
)

// nodeID is the peer id of a node that tests name and that nobody runs.
const nodeID = "12D3KooWHZcEHsWpcwJhGJp6xin2PkWktyiuSrwAxVhSELXeCKPx"

// lonely is a configuration with one node, which is not there.
func lonely(address string) string {
	return fmt.Sprintf("p2p:\n  min_peers: 1\n  targets: [%s/p2p/%s]\n", address, nodeID)
}

const nowhere = "/ip4/127.0.0.1/tcp/1"

// Checks of a cluster can be switched on and off by name, and there are no others than what is configured brings.
func TestSwarmChecks(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		on           []string
	}{
		{"cluster", "", []string{"dht-enhanced", "p2p-connectivity", "pubsub-enhanced", "replication-health"}},
		{
			"election", "election: {}",
			[]string{"dht-enhanced", "election-health", "p2p-connectivity", "pubsub-enhanced", "replication-health"},
		},
		{
			"probes off", "disable: [pubsub-enhanced, p2p-connectivity]\nchecks: {replication-health: {enabled: false}}",
			[]string{"dht-enhanced"},
		},
		{
			"plain form on", "checks: {pubsub-active: {enabled: true}}",
			[]string{"dht-enhanced", "p2p-connectivity", "pubsub-active", "pubsub-enhanced", "replication-health"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := prepare(write(t, "chorus.yml", lonely(nowhere)+tt.config), nil, log.NewNopLogger())
			if err != nil {
				t.Fatal(err)
			}
			if err := p.join(loggers{Logger: log.NewNopLogger()}); err != nil {
				t.Fatal(err)
			}
			defer p.swarm.close()
			var on []string
			for _, s := range p.specs {
				if !s.Disabled {
					on = append(on, s.Name)
				}
			}
			for _, c := range p.rules.Checks() {
				if c.Name != "resource-health" {
					on = append(on, c.Name)
				}
			}
			slices.Sort(on)
			if diff := cmp.Diff(tt.on, slices.Compact(on)); diff != "" {
				t.Errorf("checks that are on differ (-want +got):\n%s", diff)
			}
		})
	}
}

// What /config shows of a cluster is a configuration that means the same, from any folder.
func TestShowSwarmIsConfig(t *testing.T) {
	text := lonely(nowhere) + `  identity_file: exporter.key
  replication: {keys: [{name: app, key: /app/config}]}
election: {allow: [{peer: 12D3KooWGvqxVjDt5zokzfeZkM6tTcBnUEhH9jKhKoNUyEdui9vJ, name: alpha}], fields: {uptime: "-"}}
node_id: here
`
	first, err := prepare(write(t, "chorus.yml", text), nil, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	second, err := prepare(write(t, "shown.yml", string(first.shown)), nil, log.NewNopLogger())
	if err != nil {
		t.Fatalf("the shown configuration does not load: %v\n%s", err, first.shown)
	}
	if diff := cmp.Diff(string(first.shown), string(second.shown)); diff != "" {
		t.Errorf("the shown configuration means something else (-first +second):\n%s", diff)
	}
	if !filepath.IsAbs(second.config.P2P.IdentityFile) || !second.config.observes() {
		t.Errorf("identity_file or election is lost:\n%s", second.shown)
	}
}

// --config.check looks at a cluster's configuration, and neither dials nor creates anything.
func TestCheckDialsNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled := make(chan struct{})
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
			close(dialled)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	file := write(t, "chorus.yml", lonely("/ip4/127.0.0.1/tcp/"+port)+"  identity_file: exporter.key\nelection: {}\n")
	if out, code := once(t, "--config.check", "--config.file="+file); code != exitOK {
		t.Errorf("--config.check = %d: %s", code, out)
	}
	select {
	case <-dialled:
		t.Error("--config.check dialled the node")
	case <-time.After(100 * time.Millisecond):
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("--config.check left %v beside the file (%v)", left, err)
	}
}

// A key file that holds no key is a fault before anything starts.
func TestIdentityFault(t *testing.T) {
	file := write(t, "chorus.yml", lonely(nowhere)+"  identity_file: exporter.key\n")
	key := filepath.Join(filepath.Dir(file), "exporter.key")
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := prepare(file, nil, log.NewNopLogger())
	if err == nil || !strings.Contains(err.Error(), "chorus.yml:4: p2p.identity_file: ") ||
		!strings.Contains(err.Error(), "holds no libp2p private key") {
		t.Errorf("prepare = %v, want the line and that the file holds no key", err)
	}
}

// Without node_id the exporter is called by its first peer id, the one of its key file; the log has all three. With every
// node away it starts, and is not well.
func TestNodeIDIsPeerID(t *testing.T) {
	file := write(t, "chorus.yml", lonely(nowhere)+"  identity_file: exporter.key\n")
	c := start(t, "--config.file="+file)
	identity, err := p2p.LoadIdentity(filepath.Join(filepath.Dir(file), "exporter.key"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown := c.get("/config")
	if want := "node_id: " + identity.PeerIDs()[0].String() + "\n"; !strings.Contains(shown, want) {
		t.Errorf("/config is without %q:\n%s", want, shown)
	}
	for i, leg := range []string{p2p.GossipA, p2p.GossipB, p2p.DHT} {
		line := regexp.MustCompile("component=p2p/" + leg + " peer=" + identity.PeerIDs()[i].String() + "\n")
		if !line.MatchString(c.log.String()) {
			t.Errorf("the log does not tell the peer id of %s", leg)
		}
	}
	if code, h := c.health("/health"); code == 200 {
		t.Errorf("/health = 200 %+v with every node away", h)
	}
}

// The example of a cluster names the nodes of the swarm that it says it fits, and is healthy with it.
func TestClusterExample(t *testing.T) {
	nodes, err := devnet.Start(t.Context(), devnet.Options{Nodes: 5, Seed: "example", Validators: recordValidators()})
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Stop()
	data, err := os.ReadFile("../../examples/cluster.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i, target := range nodes.Targets() {
		_, id, _ := strings.Cut(target, "/p2p/")
		before := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", 4001+i, id)
		if !strings.Contains(text, before) {
			t.Fatalf("the example does not name node %d, %s", i, before)
		}
		text = strings.Replace(text, before, target, 1) // where it listens today
	}
	// Its first run may come before all nodes are known, and the next one by default only after two minutes.
	text = strings.Replace(text, "\nchecks:\n", "\nchecks:\n  replication-health: {interval: 3s, timeout: 2s}\n", 1)
	c := start(t, "--config.file="+write(t, "cluster.yml", text+"\ndisable: [resource-health]\n"))
	c.eventually("all is well", func() bool { code, h := c.health("/health"); return code == 200 && h.Status == "healthy" })
	if _, h := c.health("/health"); len(h.Checks) != 5 {
		t.Errorf("/health has %d checks, want the 5 of a cluster", len(h.Checks))
	}
}
