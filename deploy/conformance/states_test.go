package conformance

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/kubernetes/pkg/probe"
)

const (
	success = probe.Success
	failure = probe.Failure
)

// probed are the kustomizations whose exporters are started and asked. The others have the same container, arguments and
// probes, says TestProbes.
var probed = []string{"deployment", "overlays/grpc-probes"}

// want is what the kubelet must get.
type want struct{ ready, live probe.Result }

// state brings an exporter into a state, and says what a kubelet must get then.
type state struct {
	config string
	then   func(k kubelet) // nil: it gets there by itself
	want   want
}

// states are all that the exporter can be in. The machine's resources are not watched: it may be busy.
func states(t *testing.T) map[string]state {
	const head = "disable: [resource-health]\nevaluation_interval: 500ms\nshutdown: {drain_delay: 20s}\n"
	database := func(dsn, check string) string {
		return head + fmt.Sprintf("databases: [{name: db, driver: sqlite, dsn: %q}]\nchecks: {db: {%s}}\n", dsn, check)
	}
	here := write(t, "db.sqlite", emptyDatabase())
	nowhere := filepath.Join(t.TempDir(), "nowhere.sqlite")
	healthy := database(here, "interval: 500ms, timeout: 400ms")
	return map[string]state{
		"starting": {
			head + fmt.Sprintf("databases: [{name: db, driver: postgres, dsn: %q}]\nchecks: {db: {interval: 60s, timeout: 60s}}\n",
				"postgres://me@"+silent(t)+"/db?sslmode=disable"),
			nil,
			want{failure, success},
		},
		"healthy":   {healthy, nil, want{success, success}},
		"degraded":  {database(nowhere, "critical: false"), waitFor("degraded"), want{success, success}},
		"unhealthy": {database(nowhere, "critical: true"), waitFor("unhealthy"), want{failure, success}},
		"stopping": {healthy, func(k kubelet) {
			eventually(k.t, "it is ready", func() bool { return k.ready() == success })
			k.exporter.signal(syscall.SIGTERM)
		}, want{failure, failure}},
		// A process that hangs answers nobody: the probes time out.
		"frozen": {healthy, func(k kubelet) {
			eventually(k.t, "it is ready", func() bool { return k.ready() == success })
			k.exporter.signal(syscall.SIGSTOP)
		}, want{failure, failure}},
	}
}

// waitFor waits until /health says a status.
func waitFor(status string) func(kubelet) {
	return func(k kubelet) {
		eventually(k.t, "it is "+status, func() bool { return strings.Contains(k.exporter.health(), `"status":"`+status+`"`) })
	}
}

// In every state the kubelet's own prober, asking what the manifests say, gets what the contract says, within a second,
// the kubelet's default: shorter than any timeout in the manifests.
func TestStates(t *testing.T) {
	for _, dir := range probed {
		for name, s := range states(t) {
			t.Run(dir+"/"+name, func(t *testing.T) {
				t.Parallel()
				k := newKubelet(t, dir, s.config)
				k.timeout = time.Second
				if s.then != nil {
					s.then(k)
				}
				eventually(t, fmt.Sprintf("the kubelet gets %+v", s.want), func() bool { return k.now() == s.want })
				// And it stays so.
				for range 2 {
					if got := k.now(); got != s.want {
						t.Errorf("%+v, want %+v", got, s.want)
					}
					if started := k.started(); started != s.want.live {
						t.Errorf("startup probe: %v, want %v", started, s.want.live)
					}
				}
			})
		}
	}
}

func (k kubelet) now() want { k.t.Helper(); return want{k.ready(), k.live()} }

// slow is many rules that take long, over and over: all of them together do not finish in time.
func slow() string {
	text := "groups:\n  - name: slow\n    rules:\n"
	for i := range 200 {
		text += fmt.Sprintf("      - record: test:slow%d\n        expr: sum_over_time((sum_over_time(vector(1)[90m:1s]))[90m:1s])\n", i)
	}
	return text
}

// No rule, however slow, fails liveness: the rules that do not finish in time fail, and the verdict says so.
func TestSlowRules(t *testing.T) {
	for _, dir := range probed {
		t.Run(dir, func(t *testing.T) {
			rules := write(t, "slow.rules.yml", "groups: []\n")
			k := newKubelet(t, dir, "evaluation_interval: 200ms\nstall_timeout: 4s\nrule_files: ["+rules+"]\n")
			k.timeout = time.Second
			eventually(t, "it is live and ready", func() bool { return k.now() == want{success, success} })
			replace(t, rules, slow())
			k.exporter.signal(syscall.SIGHUP)
			eventually(t, "the verdict names a slow rule", func() bool {
				if live := k.live(); live != success {
					t.Fatalf("liveness: %v", live)
				}
				return strings.Contains(k.exporter.health(), "of group slow failed to evaluate")
			})
			for end := time.Now().Add(6 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if live := k.live(); live != success {
					t.Fatalf("liveness: %v", live)
				}
			}
			replace(t, rules, "groups: []\n")
			k.exporter.signal(syscall.SIGHUP)
			eventually(t, "it is healthy again", func() bool { return strings.Contains(k.exporter.health(), `"status":"healthy"`) })
		})
	}
}
