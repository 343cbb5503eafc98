package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"chorus/rules"
)

// All metrics with help, type and labels, without their values: what users build on.
func TestMetricsGolden(t *testing.T) {
	c := start(t, "--config.file="+write(t, "chorus.yml", `
node_id: golden
evaluation_interval: 200ms
databases:
  - {driver: sqlite, dsn: `+sqliteFile(t)+`}
checks:
  database-connectivity: {interval: 500ms, timeout: 400ms}
components:
  database: {weight: 2, key: true}
`))
	c.eventually("everything has been measured", func() bool {
		_, h := c.health("/health")
		return h.Status != "starting" && c.metric(`chorus_health_check_healthy{check_name="resource-health"}`) != "" &&
			c.metric(`chorus_health_check_detail{check_name="database-connectivity",detail="p95_seconds"}`) != ""
	})
	_, body := c.get("/metrics")
	golden(t, "testdata/metrics.golden", masked(body))
	compareNames(t, body, func(name string) bool { return !ofSwarm.MatchString(name) })
}

// All metrics of a cluster, likewise: what is exposed only with p2p and election in the configuration. The leader dies,
// so that there is a change of it.
func TestMetricsOfSwarmGolden(t *testing.T) {
	nodes := startSwarm(t, clusterOptions{nodes: 5, heartbeat: 300 * time.Millisecond})
	c := start(t, "--config.file="+write(t, "chorus.yml", `
node_id: golden
evaluation_interval: 200ms
disable: [resource-health]
checks:
  pubsub-enhanced: {interval: 2s, timeout: 2s}
  dht-enhanced: {interval: 2s, timeout: 2s}
  replication-health: {interval: 2s, timeout: 2s}
p2p:
  targets: ["`+strings.Join(nodes.Targets(), `", "`)+`"]
  ping: {interval: 500ms, timeout: 400ms}
  replication:
    keys: [{name: content, cid: bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy}]
election: {heartbeat_timeout: 2s}
`))
	c.eventually("there is a leader", func() bool { return c.metric(`chorus_election_state{state="leader"}`) == "1" })
	if err := nodes.Kill(nodes.Leaders(t.Context())[0]); err != nil {
		t.Fatal(err)
	}
	c.eventually("there is another leader", func() bool {
		return c.metric("chorus_election_leadership_changes_total") != "0" &&
			c.metric(`chorus_election_state{state="leader"}`) == "1"
	})
	var body string
	c.eventually("everything has been measured", func() bool {
		_, body = c.get("/metrics")
		for _, n := range rules.Names() {
			if ofSwarm.MatchString(n.Name) && !unset(n.Name) && !strings.Contains(body, "# TYPE "+n.Name+" ") {
				return false
			}
		}
		return true
	})
	var lines []string
	for line := range strings.Lines(masked(body)) {
		if name := regexp.MustCompile(`^(# (HELP|TYPE) )?(\w+)`).FindStringSubmatch(line)[3]; ofSwarm.MatchString(name) {
			lines = append(lines, ofPeer.ReplaceAllString(line, "12D3KooW*"))
		}
	}
	golden(t, "testdata/metrics_p2p.golden", strings.Join(slices.Compact(lines), ""))
	compareNames(t, body, ofSwarm.MatchString)
}

var (
	ofSwarm = regexp.MustCompile(`^chorus_(p2p|pubsub|gossipsub|dht|replication|election)_`)
	ofPeer  = regexp.MustCompile(`12D3KooW\w+`)
)

// unset are measured where these tests configure nothing that does so.
func unset(name string) bool {
	switch name {
	case "chorus_shutdown_max_unhealthy_ratio": // needs a limit
	case "chorus_health_check_self": // needs a probe of a program with one member alone
	case "chorus_resource_unreadable": // needs a resource that fails
	case "chorus_resource_disk_inodes_utilization_ratio": // needs a file system that counts inodes
	case "chorus_pubsub_probe_responders": // needs another exporter that answers
	case "chorus_election_observed_since_timestamp_seconds": // gone with the first heartbeat
	default:
		return strings.HasPrefix(name, "chorus_fleet_") // needs a fleet
	}
	return true
}

// compareNames compares /metrics with the table of names: what is exposed stands there with that type and help, and
// what code measures is exposed if it is wanted.
func compareNames(t *testing.T, body string, wanted func(name string) bool) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range rules.Names() {
		f := families[n.Name]
		delete(families, n.Name)
		switch {
		case f == nil && n.Source == rules.SourceMeasured && !unset(n.Name) && wanted(n.Name):
			t.Errorf("%s is in names.yml as measured and not in /metrics", n.Name)
		case f != nil && (f.GetHelp() != n.Help || strings.ToLower(f.GetType().String()) != n.Type):
			t.Errorf("%s is in /metrics as %s %q, in names.yml as %s %q", n.Name, f.GetType(), f.GetHelp(), n.Type, n.Help)
		}
	}
	for name := range families {
		if strings.HasPrefix(name, "chorus_") {
			t.Errorf("%s is in /metrics and not in names.yml", name)
		}
	}
}

// The Go runtime and the process have metrics of their own that differ from machine to machine, as do versions. Which
// alerts fire depends on how busy the machine is, and not every file system counts inodes.
var (
	ofMachine = regexp.MustCompile(`^(# (HELP|TYPE) )?(go_|process_|chorus_health_alert\b|` +
		`chorus_resource_disk_inodes_utilization_ratio\b|` +
		`chorus_health_check_detail\{check_name="resource-health",detail="fullest_inodes_ratio"\}|` +
		`chorus_component_health_signal\{component="resources",signal="inodes"\}|` +
		`chorus_health_check_last_success_timestamp_seconds\{check_name="resource-health"\})`)
	ofBuild = regexp.MustCompile(`(branch|goarch|goos|goversion|revision|tags|version)="[^"]*"`)
	value   = regexp.MustCompile(` \S+$`)
)

func masked(body string) string {
	var lines []string
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if ofMachine.MatchString(line) {
			continue
		}
		if !strings.HasPrefix(line, "#") {
			line = ofBuild.ReplaceAllString(value.ReplaceAllString(line, ""), `$1="*"`)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}
