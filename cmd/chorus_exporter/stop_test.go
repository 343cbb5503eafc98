package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chorus/evaluator/shutdown"
)

// soonRules ask for a shutdown a second after a critical check began to fail: the shipped rule waits a minute.
const soonRules = `
groups:
  - name: soon
    rules:
      - alert: Soon
        expr: |
          group by (check_name) (
            ALERTS{alertstate="firing", severity="critical", action="", check_name!="", alertname!~"CheckStale|CheckNoData"})
        for: 1s
        labels: {action: shutdown, severity: info}
        annotations: {summary: 'critical check {{ $labels.check_name }} has been failing for a second'}
`

// doomed starts an exporter with a database that can be lost, and with the given shutdown settings. lose loses it.
func doomed(t *testing.T, settings string) (c *child, file string, lose func()) {
	t.Helper()
	db := sqliteFile(t)
	file = write(t, "chorus.yml", doomedConfig(t, db, settings))
	c = start(t, "--config.file="+file)
	c.eventually("it is healthy", func() bool { _, h := c.health("/health"); return h.Status == "healthy" })
	return c, file, func() {
		if err := os.WriteFile(db, []byte(strings.Repeat("no database any more\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func doomedConfig(t *testing.T, db, settings string) string {
	t.Helper()
	return fmt.Sprintf(`
evaluation_interval: 200ms
disable: [resource-health]
databases: [{driver: sqlite, dsn: %s}]
checks: {database-connectivity: {interval: 200ms, timeout: 150ms}}
rule_files: [%s]
shutdown: %s
`, db, write(t, "soon.rules.yml", soonRules), settings)
}

// report is what /health/shutdown answers, as far as the tests look.
type report struct {
	Mode     string
	State    shutdown.Stage
	Request  *shutdown.Request
	Observed *shutdown.Request
	HeldBack []struct{ Check, Rule string } `json:"held_back"`
	Steps    []shutdown.Step
	History  []struct {
		Check, Rule string
		HeldBack    string     `json:"held_back"`
		EndedAt     *time.Time `json:"ended_at"`
	}
}

func (c *child) report() (r report) {
	c.t.Helper()
	code, body := c.get("/health/shutdown")
	if code == 0 {
		return r
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil || code != 200 {
		c.t.Fatalf("/health/shutdown answers %d %q: %v", code, body, err)
	}
	return r
}

// By default a rule that asks for a shutdown is recorded, shown, and obeyed by nobody.
func TestShutdownIsObserved(t *testing.T) {
	t.Parallel()
	c, _, lose := doomed(t, "{}")
	lose()
	c.eventually("the rule's wish is recorded", func() bool { return c.report().Observed != nil })
	r := c.report()
	if r.State != shutdown.StageRunning || r.Mode != "observe" || r.Observed.Check != "database-connectivity" ||
		!slices.ContainsFunc(r.History, func(h struct {
			Check, Rule string
			HeldBack    string     `json:"held_back"`
			EndedAt     *time.Time `json:"ended_at"`
		},
		) bool {
			return h.Rule == "Soon" && h.HeldBack == "" && h.EndedAt == nil
		}) {
		t.Errorf("the report is %+v, want that it runs and Soon would have stopped it", r)
	}
	if got := c.metric(`chorus_shutdown_requests_total{result="observed"}`); got != "1" {
		t.Errorf("%s requests observed, want 1", got)
	}
	if _, h := c.health("/health"); h.Status != "unhealthy" {
		t.Errorf("status is %s, want unhealthy: to observe changes nothing", h.Status)
	}
	if !strings.Contains(c.log.String(), "Shutdown requested by a rule; not acting") {
		t.Error("the log does not tell")
	}
	c.signal(syscall.SIGTERM)
	c.eventually("it says stopping", func() bool { _, h := c.health("/health"); return h.Status == "stopping" })
	c.signal(syscall.SIGTERM)
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d after a signal, want %d", code, exitOK)
	}
}

// In mode exit the exporter drains, ends by itself and says so by its exit code.
func TestShutdownExits(t *testing.T) {
	t.Parallel()
	c, _, lose := doomed(t, "{mode: exit, drain_delay: 1s}")
	lose()
	c.eventually("it says stopping", func() bool { _, h := c.health("/health"); return h.Status == "stopping" })
	for _, path := range []string{"/health/ready", "/health/live"} {
		if code, _ := c.get(path); code != 503 {
			t.Errorf("%s = %d, want 503", path, code)
		}
	}
	if r := c.report(); r.State != shutdown.StageDraining || r.Request == nil || r.Request.Rule != "Soon" {
		t.Errorf("the report is %+v, want draining because of Soon", r)
	}
	if code := c.exit(); code != exitRule {
		t.Errorf("exit code %d after a rule, want %d", code, exitRule)
	}
}

// calls are what an HTTP server was asked for, in order.
type calls struct {
	mu    sync.Mutex
	paths []string
}

func (c *calls) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.paths)
}

// hooked is a server for hooks: it keeps what was asked, and hangs where the path says so.
func hooked(t *testing.T) (*calls, string) {
	t.Helper()
	c := &calls{}
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.paths = append(c.paths, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		c.mu.Unlock()
		if r.URL.Path == "/hang" {
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(func() { close(end); s.Close() })
	return c, s.URL
}

// Hooks run in their order, after the drain; one that hangs or fails is passed over; the neighbour is told to go and the
// exporter waits for it.
func TestShutdownRunsHooks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("a signal to a pid file needs Linux")
	}
	asked, url := hooked(t)
	neighbour := exec.Command("/bin/sleep", "1000")
	if err := neighbour.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- neighbour.Wait() }()
	t.Cleanup(func() { _ = neighbour.Process.Kill() })
	sleep, err := filepath.EvalSymlinks("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	pid := write(t, "sleep.pid", fmt.Sprint(neighbour.Process.Pid, "\n"))
	touched := filepath.Join(t.TempDir(), "touched")
	c, _, lose := doomed(t, `
  mode: hooks
  drain_delay: 500ms
  timeout: 20s
  hooks:
    - {name: last, phase: post-shutdown, post: {url: "`+url+`/last"}}
    - {name: node, phase: shutdown, signal: {pid_file: "`+pid+`", executable: "`+sleep+`"}}
    - {name: program, phase: shutdown, command: [/usr/bin/touch, "`+touched+`"]}
    - {name: broken, phase: shutdown, priority: 5, command: [/bin/false]}
    - {name: hangs, phase: pre-shutdown, priority: -1, timeout: 300ms, post: {url: "`+url+`/hang", retries: 0}}
    - {name: first, phase: pre-shutdown, post: {url: "`+url+`/first", bearer_token_file: "`+write(t, "token", "s3cr3t\n")+`"}}
`)
	lose()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the neighbour was not told to go")
	}
	if code := c.exit(); code != exitRule {
		t.Errorf("exit code %d, want %d", code, exitRule)
	}
	want := []string{"POST /first Bearer s3cr3t", "POST /hang ", "POST /last "}
	if got := asked.list(); !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
	if _, err := os.Stat(touched); err != nil {
		t.Errorf("the command did not run: %v", err)
	}
	log := c.log.String()
	for _, name := range []string{"hangs", "broken"} {
		if !strings.Contains(log, `msg="Component failed to stop`) || !strings.Contains(log, "component="+name) {
			t.Errorf("the log does not say that %s failed", name)
		}
	}
	if strings.Contains(log, "s3cr3t") {
		t.Error("the log tells the token")
	}
}

// A signal to the exporter takes the same road, and the hooks that are for a rule stay out of it: whoever restarts the
// exporter does not want its neighbour gone.
func TestSignalRunsNoHookForRules(t *testing.T) {
	t.Parallel()
	asked, url := hooked(t)
	c, _, _ := doomed(t, `
  mode: hooks
  drain_delay: 200ms
  hooks:
    - {name: node, post: {url: "`+url+`/node"}}
    - {name: note, when: always, post: {url: "`+url+`/note"}}
`)
	c.signal(syscall.SIGTERM)
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
	if got := asked.list(); !slices.Equal(got, []string{"POST /note "}) {
		t.Errorf("asked for %q, want the hook that always runs alone", got)
	}
}

// SIGKILL in the middle of a stop, and a start from nothing: the new process begins clean, and stops again if it must.
func TestKilledWhileStopping(t *testing.T) {
	t.Parallel()
	_, url := hooked(t)
	settings := `{mode: hooks, drain_delay: 0s, hooks: [{name: node, post: {url: "` + url + `/hang"}}]}`
	c, file, lose := doomed(t, settings)
	lose()
	c.eventually("the hook hangs", func() bool {
		r := c.report()
		return slices.ContainsFunc(r.Steps, func(s shutdown.Step) bool { return s.Name == "node" && s.Result == shutdown.ResultRunning })
	})
	c.signal(syscall.SIGKILL)
	c.exit()
	again := start(t, "--config.file="+file)
	again.eventually("it asks again", func() bool { return again.report().Request != nil })
	again.signal(syscall.SIGTERM) // the first signal changes nothing
	again.eventually("it goes on", func() bool { return again.report().State != shutdown.StageRunning })
	again.signal(syscall.SIGTERM)
	if code := again.exit(); code != exitRule {
		t.Errorf("exit code %d, want %d: a rule began it", code, exitRule)
	}
}

// Shutdown settings change by a reload, and not once the stop has begun.
func TestReloadShutdown(t *testing.T) {
	t.Parallel()
	_, url := hooked(t)
	c, file, lose := doomed(t, "{mode: observe}")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	change := func(settings string) {
		t.Helper()
		before, _, _ := strings.Cut(string(old), "shutdown:")
		if err := os.WriteFile(file, []byte(before+"shutdown: "+settings+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.signal(syscall.SIGHUP)
	}
	change(`{mode: hooks, drain_delay: 0s, hooks: [{name: node, post: {url: "` + url + `/hang"}}]}`)
	c.eventually("the hook is there", func() bool {
		return slices.ContainsFunc(c.report().Steps, func(s shutdown.Step) bool { return s.Name == "node" })
	})
	lose()
	c.eventually("the hook hangs", func() bool { return c.report().State == shutdown.StageShutdown })
	change("{mode: exit}")
	c.eventually("the reload is refused", func() bool { return strings.Contains(c.log.String(), "the stop has begun") })
	c.signal(syscall.SIGTERM)
	c.signal(syscall.SIGTERM)
	c.exit()
}

// A rule that fires was observed. With a reload to another mode it is obeyed: it asked for its time already.
func TestReloadTurnsObserveIntoExit(t *testing.T) {
	t.Parallel()
	c, file, lose := doomed(t, "{mode: observe}")
	lose()
	c.eventually("the rule's wish is recorded", func() bool { return c.report().Observed != nil })
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now := strings.Replace(string(old), "{mode: observe}", "{mode: exit, drain_delay: 0s}", 1)
	if err := os.WriteFile(file, []byte(now), 0o600); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGHUP)
	if code := c.exit(); code != exitRule {
		t.Errorf("exit code %d, want %d", code, exitRule)
	}
}
