//go:build e2e && linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"chorus/probes/p2p"
	"chorus/probes/p2p/devnet"
)

// monitored is what servers watch. In the cluster east: a swarm, a database, and two exporters that are a fleet and would
// stop their nodes. In the cluster west: one exporter that only observes, and one that would stop, each with a database
// file.
type monitored struct {
	t        *testing.T
	database *postgresServer
	swarm    *devnet.Swarm
	east     []*child
	own      string // a rule file of the first in the east
	disk     string // a folder that the first in the east watches
	west     []*child
	configs  []string // of west
	files    []string // databases of west
}

// The rule file of its own: one that is well, one that is read and can't be evaluated, and one that can't be read.
const (
	ownWell    = "groups: [{name: own, rules: [{record: own_checks, expr: count(chorus_health_check_info)}]}]\n"
	ownFailing = "groups: [{name: own, rules: [{record: own_checks, expr: 'label_replace(chorus_health_threshold, " +
		`"name", "one", "", "")'}]}]` + "\n"
	ownBroken = "groups: [{name: own, rules: [{record: own_checks, expr: 'count('}]}]\n"
)

// newMonitored starts it all and waits until all is well.
func newMonitored(t *testing.T) *monitored {
	t.Helper()
	m := &monitored{t: t, database: newPostgres(t), own: write(t, "own.rules.yml", ownWell)}
	m.database.start()
	o := clusterOptions{threshold: 3, every: "3s"}.complete()
	m.swarm = startSwarm(t, o)
	provide(t, m.swarm)
	actions, _ := fleetRules(t)
	m.disk = filepath.Join(t.TempDir(), "disk")
	m.makeDisk()
	m.startEast(o.config(m.swarm.Targets()), actions)
	for _, mode := range []string{modeObserve, modeExit} {
		file := sqliteFile(t)
		m.files = append(m.files, file)
		m.configs = append(m.configs, write(t, "west.yml", fmt.Sprintf(`
node_id: west-%s
evaluation_interval: 1s
resources: {cpu: 0.999, memory: 0.999, disk: 0.999}
databases: [{driver: sqlite, dsn: %q}]
checks: {database-connectivity: {interval: 1s, timeout: 1s}, resource-health: {interval: 1s, timeout: 1s}}
rule_files: [%q]
shutdown: {mode: %[1]s}
`, mode, file, actions)))
		m.west = append(m.west, startAt(t, closedPort(t), "--config.file="+m.configs[len(m.west)]))
	}
	m.well()
	return m
}

// well waits until all is.
func (m *monitored) well() {
	m.t.Helper()
	for _, c := range m.all() {
		(&cluster{child: c}).soon("all is well", func() bool { _, h := c.health("/health"); return h.Status == "healthy" })
	}
}

// recovered waits until traffic may come to all again. That a node answered with other bytes than it was given degrades for
// longer than a test waits.
func (m *monitored) recovered() {
	m.t.Helper()
	for _, c := range m.all() {
		(&cluster{child: c}).soon("traffic may come", func() bool { code, _ := c.get("/health/ready"); return code == http.StatusOK })
	}
}

// restart starts an exporter of west again, at the address that it had.
func (m *monitored) restart(i int) {
	m.t.Helper()
	m.west[i] = startAt(m.t, instance(m.west[i]), "--config.file="+m.configs[i])
}

// startEast starts two exporters that know each other and would stop by a rule if the other were well.
func (m *monitored) startEast(swarm, actions string) {
	m.t.Helper()
	dir := m.t.TempDir()
	var keys, ids [2]string
	for i := range keys {
		keys[i] = filepath.Join(dir, fmt.Sprint("key-", i))
		identity, err := p2p.LoadIdentity(keys[i])
		if err != nil {
			m.t.Fatal(err)
		}
		ids[i] = identity.PeerIDs()[1].String()
	}
	swarm = replace(m.t, swarm, "\ndisable: [resource-health]\nchecks:", "\nresources: {cpu: 0.999, memory: 0.999, disk: 0.999}\nchecks:\n"+
		"  database-connectivity: {interval: 1s, timeout: 1s}\n  resource-health: {interval: 1s, timeout: 1s}")
	swarm = replace(m.t, swarm, "replication: {", "replication: {keys: [{name: content, cid: "+content+"}], ")
	for i := range keys {
		m.east = append(m.east, start(m.t, "--config.file="+write(m.t, "east.yml",
			replace(m.t, swarm, "\np2p:\n", fmt.Sprintf("\np2p:\n  identity_file: %q\n", keys[i]))+fmt.Sprintf(`
node_id: east-%d
databases: [{driver: postgres, dsn: %q}]
disks: [{path: /}, {path: %q}]
rule_files: [%q, %q]
shutdown: {mode: exit, fleet: {exporters: [%q], interval: 1s}}
`, i, m.database.dsn(), []string{m.disk, m.t.TempDir()}[i], actions, []string{m.own, write(m.t, "own.rules.yml", ownWell)}[i], ids[1-i]))))
	}
}

func (m *monitored) all() []*child { return slices.Concat(m.east, m.west) }

// targets are the exporters as a scrape configuration names them.
func (m *monitored) targets() []target {
	var targets []target
	for _, c := range m.all() {
		cluster := "cluster: east"
		if slices.Contains(m.west, c) {
			cluster = "cluster: west"
		}
		targets = append(targets, target{address: instance(c), labels: cluster})
	}
	return targets
}

// instance is the label of an exporter.
func instance(c *child) string { return strings.TrimPrefix(c.url, "http://") }

// fail makes much fail at once. In the east: the database, which would stop both; two nodes of the swarm die, and a third
// stores other bytes than it was given; a watched folder is gone; a custom rule fails to evaluate, and after that its file
// cannot be read. In the west: both database files are overwritten with text.
func (m *monitored) fail() {
	m.t.Helper()
	m.database.stop()
	for _, err := range []error{m.swarm.Kill(2), m.swarm.Kill(4), m.swarm.Corrupt(3, true)} {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	if err := os.Remove(m.disk); err != nil {
		m.t.Fatal(err)
	}
	c := m.east[0]
	m.overwrite(m.own, ownFailing)
	c.signal(syscall.SIGHUP)
	c.eventually("its rule fails", func() bool { return c.metric(`chorus_rule_failing{group="own"}`) == "1" })
	m.overwrite(m.own, ownBroken)
	c.signal(syscall.SIGHUP)
	c.eventually("its configuration can't be read", func() bool {
		return c.metric("chorus_config_last_reload_successful") == "0"
	})
	for _, file := range m.files {
		m.overwrite(file, strings.Repeat("no database any more\n", 1000))
	}
}

// mend takes all of that back.
func (m *monitored) mend() {
	m.t.Helper()
	m.database.start()
	for _, err := range []error{m.swarm.Revive(2), m.swarm.Revive(4), m.swarm.Corrupt(3, false)} {
		if err != nil {
			m.t.Fatal(err)
		}
	}
	m.makeDisk()
	m.overwrite(m.own, ownWell)
	m.east[0].signal(syscall.SIGHUP)
	whole, err := os.ReadFile(sqliteFile(m.t))
	if err != nil {
		m.t.Fatal(err)
	}
	for _, file := range m.files {
		m.overwrite(file, string(whole))
	}
}

func (m *monitored) makeDisk() {
	m.t.Helper()
	if err := os.Mkdir(m.disk, 0o700); err != nil {
		m.t.Fatal(err)
	}
}

func (m *monitored) overwrite(file, content string) {
	m.t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}
