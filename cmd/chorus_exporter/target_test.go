package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-kit/log"
)

// What a database's probe tests is what its proof is of; what is known of it otherwise is not.
func TestDatabaseTarget(t *testing.T) {
	base := Database{Name: "a", Driver: "postgres", DSN: "postgres://u:hunter2@db:5432/x", Query: "SELECT 1", MaxOpenConns: 1}
	for name, c := range map[string]struct {
		change func(*Database)
		same   bool
	}{
		"name":                     {func(d *Database) { d.Name = "b" }, true},
		"max_open_conns":           {func(d *Database) { d.MaxOpenConns = 2 }, true},
		"driver":                   {func(d *Database) { d.Driver = "sqlite" }, false},
		"host":                     {func(d *Database) { d.DSN = "postgres://u:hunter2@other:5432/x" }, false},
		"password":                 {func(d *Database) { d.DSN = "postgres://u:hunter3@db:5432/x" }, false},
		"query":                    {func(d *Database) { d.Query = "SELECT 2" }, false},
		"password file":            {func(d *Database) { d.PasswordFile = "/run/secret" }, false},
		"password environment":     {func(d *Database) { d.PasswordEnv = "/run/secret" }, false},
		"a byte that is not UTF-8": {func(d *Database) { d.Query = "SELECT '\xff'" }, false},
	} {
		d := base
		c.change(&d)
		if same := d.target() == base.target(); same != c.same {
			t.Errorf("%s: same target %v, want %v", name, same, c.same)
		}
		if d.target() == "" || strings.Contains(d.target(), "hunter") {
			t.Errorf("%s: target %q", name, d.target())
		}
	}
	file, env := base, base
	file.PasswordFile, env.PasswordEnv = "x", "x"
	if file.target() == env.target() {
		t.Error("a password file and an environment variable of one name are one target")
	}
	invalid, other := base, base
	invalid.Query, other.Query = "\xff", "\xfe"
	if invalid.target() == other.target() {
		t.Error("texts that are not UTF-8 are one target")
	}
}

func TestSwarmTargets(t *testing.T) {
	base := P2P{
		Targets: []string{"/a", "/b"}, MinPeers: 1, Pubsub: Pubsub{Topic: "t", Mode: "auto", Exporters: []string{"e"}},
		DHT:         DHT{ProtocolPrefix: "/chorus", Namespace: "health", BucketSize: 20, MinHolders: 1},
		Replication: Replication{MinHolders: 2, Keys: []ReplicationKey{{Name: "app", Key: "/app/a"}}},
	}
	answered := base
	answered.Pubsub.Mode = "answered"
	for name, c := range map[string]struct {
		base   P2P
		change func(*P2P)
		want   string // whose target changes
	}{
		"nothing":            {base, func(*P2P) {}, "[]"},
		"targets":            {base, func(p *P2P) { p.Targets = []string{"/a", "/c"} }, "[pubsub dht replication]"},
		"targets joined":     {base, func(p *P2P) { p.Targets = []string{"/a /b"} }, "[pubsub dht replication]"},
		"topic":              {base, func(p *P2P) { p.Pubsub.Topic = "u" }, "[pubsub]"},
		"mode":               {base, func(p *P2P) { p.Pubsub.Mode = "relayed" }, "[pubsub]"},
		"exporters":          {base, func(p *P2P) { p.Pubsub.Exporters = nil }, "[]"},
		"exporters answered": {answered, func(p *P2P) { p.Pubsub.Exporters = []string{"f"} }, "[pubsub]"},
		"wait":               {base, func(p *P2P) { p.Pubsub.Wait = 1 }, "[]"},
		"prefix":             {base, func(p *P2P) { p.DHT.ProtocolPrefix = "/x" }, "[dht replication]"},
		"namespace":          {base, func(p *P2P) { p.DHT.Namespace = "ipns" }, "[dht replication]"},
		"bucket":             {base, func(p *P2P) { p.DHT.BucketSize = 8 }, "[dht replication]"},
		"holders":            {base, func(p *P2P) { p.DHT.MinHolders, p.Replication.MinHolders, p.MinPeers = 3, 3, 2 }, "[]"},
		"key":                {base, func(p *P2P) { p.Replication.Keys = []ReplicationKey{{Name: "app", Key: "/app/b"}} }, "[replication]"},
		"name of a key":      {base, func(p *P2P) { p.Replication.Keys = []ReplicationKey{{Name: "b", Key: "/app/a"}} }, "[]"},
		"CID for a key":      {base, func(p *P2P) { p.Replication.Keys = []ReplicationKey{{Name: "app", CID: "/app/a"}} }, "[replication]"},
		"no keys":            {base, func(p *P2P) { p.Replication.Keys = nil }, "[replication]"},
	} {
		p, changed := c.base, []string{}
		c.change(&p)
		for _, x := range []struct{ name, was, now string }{
			{"pubsub", c.base.pubsubTarget(), p.pubsubTarget()},
			{"dht", c.base.dhtTarget(), p.dhtTarget()},
			{"replication", c.base.replicationTarget(), p.replicationTarget()},
		} {
			if x.was != x.now {
				changed = append(changed, x.name)
			}
		}
		if got := fmt.Sprint(changed); got != c.want {
			t.Errorf("%s: changes the targets of %s, want %s", name, got, c.want)
		}
	}
}

// A reload gives a database that is asked otherwise another probe and the same target, one that is another database
// another target; nothing that a plan holds shows a password.
func TestReloadOfTargets(t *testing.T) {
	file, other := sqliteFile(t), sqliteFile(t)
	load := func(live *plan, text string) *plan {
		t.Helper()
		p, err := prepare(write(t, "chorus.yml", text), live, log.NewNopLogger())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	entry := func(dsn, more string) string {
		return "databases:\n  - {name: a, driver: sqlite, dsn: " + dsn + more + "}\n" +
			"  - {name: b, driver: postgres, dsn: \"postgres://u:hunter2@127.0.0.1:1/x\"}\n"
	}
	first := load(nil, entry(file, ""))
	conns := load(first, entry(file, ", max_open_conns: 2")+"checks: {a: {interval: 1m, timeout: 1s, critical: false, failure_threshold: 2}}\n")
	moved := load(conns, entry(other, ""))
	query := load(conns, entry(file, ", query: SELECT 1"))
	if a, b := first.specs[0], conns.specs[0]; a.Target != b.Target || a.Probe == b.Probe {
		t.Errorf("other connections: same target %v, want it; same probe %v", a.Target == b.Target, a.Probe == b.Probe)
	}
	for name, p := range map[string]*plan{"another file": moved, "another query": query} {
		if p.specs[0].Target == first.specs[0].Target {
			t.Errorf("%s: the same target", name)
		}
		if p.specs[1] != first.specs[1] {
			t.Errorf("%s: the other database has another spec", name)
		}
		if text := fmt.Sprintf("%+v %#v", p.specs, p.specs[1].Target); strings.Contains(text, "hunter2") {
			t.Errorf("%s: a password in %s", name, text)
		}
	}
	if err := errors.Join(first.closeUnless(conns), moved.closeUnless(conns), query.closeUnless(conns), conns.closeUnless(nil)); err != nil {
		t.Error(err)
	}
}

// A reload that changes what a database is asked makes it unproven until it has answered; one that changes how often does
// not.
func TestReloadLosesProof(t *testing.T) {
	t.Parallel()
	config := func(dsn, more string) string {
		return "evaluation_interval: 100ms\ndisable: [resource-health]\ndatabases:\n" +
			"  - {name: a, driver: sqlite, dsn: " + dsn + "}\n" + more
	}
	path := sqliteFile(t)
	file := write(t, "chorus.yml", config(path, ""))
	c := start(t, "--config.file="+file)
	const proven = `chorus_health_check_proven{check_name="a"}`
	const interval = `chorus_health_check_interval_seconds{check_name="a"}`
	c.eventually("it is proven", func() bool { return c.metric(proven) == "1" })
	c.reloadWith(file, config(path, "checks: {a: {interval: 20s, timeout: 9s, critical: false, failure_threshold: 2}}\n"))
	c.eventually("the threshold is another", func() bool {
		if got := c.metric(proven); got != "1" {
			t.Fatalf("proven is %s after a reload of the same database", got)
		}
		return c.metric(`chorus_health_check_failure_threshold{check_name="a"}`) == "2"
	})
	c.eventually("it runs by the new interval", func() bool { return c.metric(interval) == "20" })
	c.reloadWith(file, config(path+".missing", ""))
	c.eventually("it is unproven", func() bool { return c.metric(proven) == "0" })
	c.eventually("tries are shown", func() bool {
		_, body := c.get("/health/checks/a")
		return strings.Count(body, `"state":"starting"`) >= 2
	})
	if got := c.metric(`chorus_health_checks_failed_total{check_name="a"}`); got != "0" {
		t.Errorf("%s failed runs counted of tries", got)
	}
	c.reloadWith(file, config(path, ""))
	c.eventually("it is proven again", func() bool { return c.metric(proven) == "1" })
}
