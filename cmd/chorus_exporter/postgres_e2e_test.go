//go:build e2e

package main

import (
	"database/sql"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A database stops: within a second of the probe's failure /health and /health/ready are 503 and name the check and the
// error, while /health/live stays 200. It starts again: all is well.
func TestDatabaseOutage(t *testing.T) {
	db := newPostgres(t)
	db.start()
	c := start(t, "--config.file="+write(t, "chorus.yml", `
disable: [resource-health]
databases:
  - {driver: postgres, dsn: "`+db.dsn()+`"}
checks:
  database-connectivity: {interval: 500ms, timeout: 400ms}
`))
	healthy := func() bool { code, h := c.health("/health"); return code == 200 && h.Status == "healthy" }
	c.eventually("it is healthy", healthy)

	db.stop()
	var seen time.Time
	c.eventually("/health is 503", func() bool { code, _ := c.get("/health"); seen = time.Now(); return code == 503 })
	failed := firstFailure(t, c)
	if late := seen.Sub(failed); late > time.Second {
		t.Errorf("/health turned 503 %v after the probe had failed, want at most 1s", late)
	}
	if code, _ := c.get("/health/ready"); code != 503 {
		t.Errorf("/health/ready = %d, want 503", code)
	}
	if code, _ := c.get("/health/live"); code != 200 {
		t.Errorf("/health/live = %d, want 200: a dependency is not a reason to restart", code)
	}
	_, h := c.health("/health")
	check := h.Checks["database-connectivity"]
	if check.Healthy || check.Error == "" || !strings.Contains(h.Message, "database-connectivity") {
		t.Errorf("/health does not name the check and its error: %+v", h)
	}
	c.eventually("the error is the refused connection", func() bool {
		_, h := c.health("/health")
		return strings.Contains(h.Checks["database-connectivity"].Error, "refused") &&
			c.metric(`chorus_health_check_errors_total{check_name="database-connectivity",reason="refused"}`) != "0"
	})

	db.start()
	c.eventually("it is healthy again", healthy)
	if code, _ := c.get("/health/ready"); code != 200 {
		t.Errorf("/health/ready = %d, want 200", code)
	}
}

// firstFailure is when the probe ended its first failed run, which came after all the passed ones.
func firstFailure(t *testing.T, c *child) time.Time {
	t.Helper()
	success := c.metric(`chorus_health_check_last_success_timestamp_seconds{check_name="database-connectivity"}`)
	seconds, err := strconv.ParseFloat(success, 64)
	if err != nil {
		t.Fatalf("last success is %q: %v", success, err)
	}
	passed := time.Unix(0, int64(seconds*float64(time.Second)))
	_, h := c.health("/health/checks")
	last := h.Checks["database-connectivity"].Timestamp
	if !last.After(passed) {
		t.Fatalf("the last run ended %v, the last passed one %v", last, passed)
	}
	return last
}

// postgresServer is a private server on loopback.
type postgresServer struct {
	t              *testing.T
	bin, dir, port string
	owner          *syscall.Credential
	cmd            *exec.Cmd
}

// newPostgres makes the files of a server. Where there is no PostgreSQL the test is skipped, in CI it fails.
func newPostgres(t *testing.T) *postgresServer {
	t.Helper()
	p := &postgresServer{t: t, bin: postgresBin(t), owner: nobody(t)}
	dir, err := os.MkdirTemp("", "chorus-postgres") // the parent of t.TempDir is for its owner only
	if err != nil {
		t.Fatal(err)
	}
	p.dir = dir
	t.Cleanup(func() { os.RemoveAll(dir) })
	if p.owner != nil {
		if err := os.Chown(dir, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	_, p.port, err = net.SplitHostPort(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	initdb := p.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	t.Cleanup(p.stop)
	return p
}

func postgresBin(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian keeps it off the path
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append([]string{path}, found...)
	}
	if len(found) > 0 {
		return filepath.Dir(found[0])
	}
	lacking(t, "there is no PostgreSQL: install the package postgresql")
	return ""
}

// nobody is who the server runs as, which refuses to run as root; nil for whoever runs the test.
func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (p *postgresServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"LC_ALL=C", "HOME=" + p.dir, "PATH=" + os.Getenv("PATH")}
	if cmd.SysProcAttr = endWithTest(); cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = p.owner
	return cmd
}

func (p *postgresServer) start() {
	p.t.Helper()
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.cmd = p.command("postgres", "-D", filepath.Join(p.dir, "data"),
		"-h", "127.0.0.1", "-p", p.port, "-k", p.dir, "-c", "fsync=off")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	db, err := sql.Open("pgx", p.dsn())
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := db.PingContext(p.t.Context())
		if err == nil {
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name()) // it may say why
			p.t.Fatalf("PostgreSQL does not answer: %v\n%s", err, text)
		}
	}
}

func (p *postgresServer) dsn() string {
	return "postgres://postgres@127.0.0.1:" + p.port + "/postgres?sslmode=disable"
}

// stop ends the server as an administrator does in a hurry; without one it does nothing.
func (p *postgresServer) stop() {
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	_ = p.cmd.Wait() // its exit code is its own affair
	p.cmd = nil
}
