//go:build e2e

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pgbouncer in transaction mode gives every transaction any server session, and Debian's 1.18 knows no prepared statements
// there: what one probe left in a session would fail another. Two probes of different pace share two sessions, and no run
// fails.
func TestPgbouncerInTransactionMode(t *testing.T) {
	db := newPostgres(t)
	db.start()
	dsn := startPgbouncer(t, db)
	c := start(t, "--config.file="+write(t, "chorus.yml", fmt.Sprintf(`
disable: [resource-health]
databases:
  - {name: a, driver: postgres, dsn: %[1]q}
  - {name: b, driver: postgres, dsn: %[1]q}
checks: {a: {interval: 150ms, timeout: 100ms}, b: {interval: 250ms, timeout: 200ms}}
`, dsn)))
	const least = 60
	passed := func(check string) float64 {
		return c.number(`chorus_health_checks_passed_total{check_name="` + check + `"}`)
	}
	c.eventually("both have run often", func() bool { return passed("a") >= least && passed("b") >= least })
	_, body := c.get("/metrics")
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "chorus_health_check_errors_total{") && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
			// A run that a busy machine makes late says nothing of the session.
			if !strings.Contains(line, `reason="timeout"`) {
				t.Errorf("a run failed: %s", line)
			}
		}
	}
}

// startPgbouncer starts Debian's pgbouncer in transaction mode in front of a server and returns the DSN that leads through
// it. Where there is no pgbouncer the test is skipped, in CI it fails.
func startPgbouncer(t *testing.T, db *postgresServer) (dsn string) {
	t.Helper()
	root, err := filepath.Abs("../../bin/debian")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(root, "usr/sbin/pgbouncer")
	if _, err := os.Stat(program); err != nil {
		lacking(t, "there is no pgbouncer: make bin/debian")
	}
	address := closedPort(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(db.dir, "pgbouncer.ini")
	users := filepath.Join(db.dir, "users.txt")
	text := fmt.Sprintf(`[databases]
postgres = host=127.0.0.1 port=%s dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 2
unix_socket_dir =
server_idle_timeout = 3
`, db.port, port, users)
	for file, text := range map[string]string{config: text, users: "\"postgres\" \"simplepw\"\n"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	libraries, _ := filepath.Glob(filepath.Join(root, "usr/lib/*"))
	cmd := db.command("true")
	cmd.Path, cmd.Args, cmd.Err = program, []string{program, config}, nil
	cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	var log output
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pgbouncer:\n%s", log.String())
		}
	})
	return "postgres://postgres:simplepw@127.0.0.1:" + port + "/postgres?sslmode=disable"
}
