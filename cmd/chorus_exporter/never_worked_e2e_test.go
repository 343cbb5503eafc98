//go:build e2e

package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chorus/probes/p2p/devnet"
)

var (
	watched  = flag.Duration("watched", 45*time.Second, "how long TestNeverWorked watches its exporters")
	measured = flag.Bool("measured", false, "TestNeverWorked reports the seconds of 200 and does not judge them")
)

// neverWorked is one way in which a critical check never works from the start on. Everything else is as by default.
type neverWorked struct {
	name   string
	config func(t *testing.T, seed string) string
}

func waysOfNeverWorking() []neverWorked {
	return []neverWorked{
		{"no database at the address", func(t *testing.T, seed string) string {
			return fmt.Sprintf("databases: [{name: orders, driver: postgres, dsn: 'postgres://u:p@%s/orders?sslmode=disable'}]", deadAddress(t))
		}},
		{"a database that accepts and says nothing", func(t *testing.T, seed string) string {
			return fmt.Sprintf("databases: [{name: orders, driver: postgres, dsn: 'postgres://u:p@%s/orders?sslmode=disable'}]", muteAddress(t))
		}},
		{"a SQLite file that does not exist", func(t *testing.T, seed string) string {
			return fmt.Sprintf("databases: [{name: orders, driver: sqlite, dsn: %q}]", filepath.Join(t.TempDir(), "gone.db"))
		}},
		{"a database that needs three failures to fail", func(t *testing.T, seed string) string {
			return fmt.Sprintf("databases: [{name: orders, driver: postgres, dsn: 'postgres://u:p@%s/orders?sslmode=disable'}]\n"+
				"checks: {orders: {failure_threshold: 3, interval: 30s}}", deadAddress(t))
		}},
		{"a critical rule over a metric that does not exist", func(t *testing.T, seed string) string {
			return "rule_files: [" + write(t, "own.rules.yml", ownRule("app_lag_seconds > 10", "")) + "]"
		}},
		{"the same with a for of 10m", func(t *testing.T, seed string) string {
			return "rule_files: [" + write(t, "own.rules.yml", ownRule("chorus_exporter_build_info > 0", "for: 10m")) + "]"
		}},
		{"a cluster whose nodes are all dead", func(t *testing.T, seed string) string {
			s := neverSwarm(t, devnet.Options{Seed: seed})
			targets := s.Targets()
			for i := range 3 {
				if err := s.Kill(i); err != nil {
					t.Fatal(err)
				}
			}
			return swarmTargets(targets, "")
		}},
		{"nodes that reject the topic's messages", func(t *testing.T, seed string) string {
			return swarmTargets(neverSwarm(t, devnet.Options{Seed: seed, RejectTopics: true}).Targets(), "")
		}},
		{"nodes that are clients of the DHT", func(t *testing.T, seed string) string {
			return swarmTargets(neverSwarm(t, devnet.Options{Seed: seed, DHTClients: true}).Targets(), "")
		}},
		{"a DHT of another prefix", func(t *testing.T, seed string) string {
			return swarmTargets(neverSwarm(t, devnet.Options{Seed: seed, ProtocolPrefix: "/other"}).Targets(), "")
		}},
		{"a DHT without our validator", func(t *testing.T, seed string) string {
			s, err := devnet.Start(t.Context(), devnet.Options{Nodes: 3, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop() })
			return swarmTargets(s.Targets(), "")
		}},
		{"rejecting nodes and the ipns namespace", func(t *testing.T, seed string) string {
			s := neverSwarm(t, devnet.Options{Seed: seed, RejectTopics: true, ProtocolPrefix: "/ipfs"})
			return swarmTargets(s.Targets(), "  dht: {protocol_prefix: /ipfs, namespace: ipns}\n")
		}},
		{"wrong peer ids", func(t *testing.T, seed string) string {
			targets := neverSwarm(t, devnet.Options{Seed: seed}).Targets()
			ids := make([]string, len(targets))
			for i, target := range targets {
				ids[i] = target[strings.LastIndex(target, "/")+1:]
			}
			for i := range targets {
				targets[i] = strings.Replace(targets[i], ids[i], ids[(i+1)%len(ids)], 1)
			}
			return swarmTargets(targets, "")
		}},
	}
}

// TestNeverWorked starts an exporter, with default settings, beside each thing that never works, and asks them all for
// readiness all the time: it must never be 200. With -measured and -exporter another version is measured instead.
func TestNeverWorked(t *testing.T) {
	type run struct {
		name string
		*child
		ok   time.Duration
		last string
	}
	var runs []*run
	for i, way := range waysOfNeverWorking() {
		config := way.config(t, fmt.Sprintf("%s%d", t.Name(), i))
		runs = append(runs, &run{name: way.name, child: start(t, "--config.file="+write(t, "chorus.yml", config))})
	}
	const step = 250 * time.Millisecond
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < *watched; <-ticker.C {
		for _, r := range runs {
			code, h := r.health("/health/ready")
			r.last = fmt.Sprintf("%d %s: %s", code, h.Status, h.Message)
			if code != 200 {
				continue
			}
			if r.ok += step; !*measured {
				t.Fatalf("%s, after %v: %s, want never 200", r.name, time.Since(began).Round(step), r.last)
			}
		}
	}
	for _, r := range runs {
		t.Logf("| %s | %.0fs of 200 in %v | %s |", r.name, r.ok.Seconds(), *watched, r.last)
	}
}

// TestFaultsAtDefaults measures, with default settings, for how long readiness is still 200 after each fault that turns
// traffic away. It judges nothing and runs only with -measured.
func TestFaultsAtDefaults(t *testing.T) {
	if !*measured {
		t.Skip("it only measures: add -args -measured")
	}
	for _, f := range faults() {
		if f.seen != nil {
			continue
		}
		if strings.HasPrefix(f.name, "slow") {
			f = lever("slow: all nodes, 15s", slow(15*time.Second), slow(0))
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.options.processes, f.options.defaults = true, true
			c := watch(t, f.options)
			time.Sleep(30 * time.Second)
			f.pull(c)
			began := time.Now()
			for ; time.Since(began) < 5*time.Minute; time.Sleep(100 * time.Millisecond) {
				if code, _ := c.get("/health/ready"); code == 503 {
					break
				}
			}
			_, h := c.child.health("/health")
			t.Logf("| %s | %.0fs of 200 | %s: %s |", f.name, time.Since(began).Seconds(), h.Status, h.Message)
		})
	}
	for name, fault := range map[string]func(file string) error{
		"moved away":        func(file string) error { return os.Rename(file, file+".away") },
		"deleted":           os.Remove,
		"truncated":         func(file string) error { return os.Truncate(file, 0) },
		"cut in the middle": func(file string) error { return os.Truncate(file, 3000) },
		"replaced by garbage": func(file string) error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return os.WriteFile(file, []byte(strings.Repeat("garbage ", 1024)), 0o600)
		},
	} {
		t.Run("SQLite file "+name, func(t *testing.T) {
			t.Parallel()
			file := sqliteFile(t)
			c := start(t, "--config.file="+write(t, "chorus.yml",
				"disable: [resource-health]\ndatabases: [{name: app, driver: sqlite, dsn: '"+file+"'}]\n"))
			c.eventually("it is ready", func() bool { code, _ := c.get("/health/ready"); return code == 200 })
			if err := fault(file); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for ; time.Since(began) < 3*time.Minute; time.Sleep(100 * time.Millisecond) {
				if code, _ := c.get("/health/ready"); code == 503 {
					break
				}
			}
			_, h := c.health("/health")
			t.Logf("| SQLite file %s | %.0fs of 200 | %s: %s |", name, time.Since(began).Seconds(), h.Status, h.Message)
		})
	}
}

func neverSwarm(t *testing.T, o devnet.Options) *devnet.Swarm {
	t.Helper()
	o.Nodes = 3
	if o.ProtocolPrefix != "/ipfs" { // which has none but its own
		o.Validators = recordValidators()
	}
	s, err := devnet.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func swarmTargets(targets []string, more string) string {
	return fmt.Sprintf("p2p:\n  targets: [\"%s\"]\n  min_peers: 2\n%s", strings.Join(targets, `", "`), more)
}

func ownRule(expr, more string) string {
	return fmt.Sprintf("groups:\n  - name: own\n    rules:\n      - alert: Own\n        expr: %s\n        %s\n"+
		"        labels: {check_name: own, component: own, severity: critical}\n        annotations: {summary: own}\n", expr, more)
}

// deadAddress is an address that refuses connections.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// muteAddress is an address that accepts connections and never answers.
func muteAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
