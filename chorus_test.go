package chorus

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"go.uber.org/goleak"

	"chorus/collectors"
	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes"
	"chorus/probes/peer"
	"chorus/probes/probetest"
	"chorus/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what comes soon. It is long because machines can be slow.
const patience = time.Minute

// passing is a check that passes.
func passing(name string) probes.Spec {
	return probes.Spec{Name: name, Interval: 50 * time.Millisecond, Timeout: 50 * time.Millisecond, Probe: probes.Func(
		func(context.Context) (probes.Result, error) { return probes.Result{}, nil },
	)}
}

// failing is a critical check that never passes.
func failing(name string) probes.Spec {
	s := passing(name)
	s.Critical, s.FailureThreshold = true, 1
	s.Probe = probes.Func(func(context.Context) (probes.Result, error) { return probes.Result{}, errors.New("refused") })
	return s
}

// only are settings of these checks, without those of the machine.
func only(checks ...probes.Spec) Settings {
	return Settings{Checks: checks, Disable: []string{"resource-health"}}
}

// running starts an exporter that ends with the test.
func running(t *testing.T, o Options) *Exporter {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, errMeant) {
			t.Error(err)
		}
	})
	return e
}

var errMeant = errors.New("this is meant")

func (e *Exporter) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s; the verdict is %+v", what, e.Summary())
		}
	}
}

func (e *Exporter) becomes(t *testing.T, status evaluator.Status) {
	t.Helper()
	e.eventually(t, "it is "+string(status), func() bool { return e.Status() == status })
}

func TestZeroOptions(t *testing.T) {
	e := running(t, Options{})
	e.eventually(t, "this machine was looked at", func() bool {
		return slices.ContainsFunc(e.Summary().Checks, func(c evaluator.Check) bool {
			return c.Name == "resource-health" && len(c.Details) > 0
		})
	})
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/health/live", nil))
	if answer.Code != 200 {
		t.Errorf("/health/live = %d %s", answer.Code, answer.Body)
	}
	if e.Mode() != Observe {
		t.Errorf("mode %q, want that nothing is done by default", e.Mode())
	}
}

func TestNewRefuses(t *testing.T) {
	rulesIn := func(text string) []string {
		file := filepath.Join(t.TempDir(), "own.rules.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{file}
	}
	for name, tt := range map[string]struct {
		o    Options
		want string
	}{
		"a check without a probe": {Options{Settings: only(probes.Spec{Name: "orders"})}, "orders"},
		"a check twice":           {Options{Settings: only(passing("orders"), passing("orders"))}, "orders"},
		"a rule file that is not there": {
			Options{Settings: Settings{RuleFiles: []string{"nowhere.rules.yml"}}}, "nowhere.rules.yml",
		},
		"a rule with a fault": {
			Options{Settings: Settings{RuleFiles: rulesIn("groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]")}}, "unclosed left parenthesis",
		},
		"a mode that does not exist": {Options{Settings: Settings{Shutdown: Shutdown{Mode: "explode"}}}, "use observe, exit or hooks"},
		"thresholds":                 {Options{Settings: Settings{Policy: rules.Policy{Healthy: 0.5, Degraded: 0.7}}}, "thresholds.degraded"},
		"too few series":             {Options{MaxSeries: 10}, "MaxSeries"},
		"a part without a name":      {Options{Parts: []Part{{Run: func(context.Context) error { return nil }}}}, "Name and a Run"},
		"a relative path":            {Options{Web: Web{TelemetryPath: "metrics"}}, "must begin with a slash"},
		"a check to disable that does not exist": {
			Options{Settings: Settings{Disable: []string{"nonsense"}}}, `unknown check "nonsense" is disabled`,
		},
		"a check to enable that does not exist": {Options{Settings: Settings{Enable: []string{"disk-spaec"}}}, `unknown check "disk-spaec" is enabled; did you mean "disk-space"?`},
		"a timeout shorter than the drain": {
			Options{Settings: Settings{Shutdown: Shutdown{DrainDelay: time.Minute, Timeout: time.Second}}}, "drain",
		},
	} {
		if _, err := New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestRegisterWhileRunning(t *testing.T) {
	var mu sync.Mutex
	var changes []evaluator.Status
	e := running(t, Options{Settings: only(passing("first")), OnChange: func(s *evaluator.Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		changes = append(changes, s.Status)
	}})
	e.becomes(t, evaluator.Healthy)
	db := failing("db")
	db.Component = "database" // whose rules come with it
	if err := e.Register(db); err != nil {
		t.Fatal(err)
	}
	e.becomes(t, evaluator.Unhealthy)
	if !strings.HasPrefix(e.Summary().Message, "db: refused") {
		t.Errorf("message %q", e.Summary().Message)
	}
	if !slices.ContainsFunc(e.evaluator.Rules().Groups(), func(g rules.Group) bool { return g.File == "database.rules.yml" }) {
		t.Error("the rules of the component were not loaded")
	}
	if err := e.Register(db); err == nil {
		t.Error("a check was registered twice")
	}
	if err := e.Unregister("db"); err != nil {
		t.Fatal(err)
	}
	e.becomes(t, evaluator.Healthy)
	mu.Lock()
	defer mu.Unlock()
	if want := []evaluator.Status{evaluator.Healthy, evaluator.Unhealthy, evaluator.Healthy}; !slices.Equal(without(changes, evaluator.Degraded), want) {
		t.Errorf("told of %v, want %v", changes, want)
	}
}

func without(list []evaluator.Status, s evaluator.Status) []evaluator.Status {
	return slices.DeleteFunc(slices.Clone(list), func(x evaluator.Status) bool { return x == s })
}

func TestApply(t *testing.T) {
	e := running(t, Options{Settings: only(passing("first"))})
	if err := e.Register(passing("later")); err != nil {
		t.Fatal(err)
	}
	e.becomes(t, evaluator.Healthy)
	middle := false
	if err := e.Apply(t.Context(), only(passing("second"), failing("third")), func() error { middle = true; return nil }); err != nil {
		t.Fatal(err)
	}
	e.becomes(t, evaluator.Unhealthy)
	var names []string
	for _, c := range e.Summary().Checks {
		names = append(names, c.Name)
	}
	if want := []string{"later", "second", "third"}; !slices.Equal(names, want) || !middle {
		t.Errorf("checks are %v, want %v; more was called: %v", names, want, middle)
	}
	// A fault changes nothing.
	bad := only(passing("fourth"))
	bad.RuleFiles = []string{"nowhere.rules.yml"}
	if err := e.Apply(t.Context(), bad); err == nil {
		t.Error("a missing rule file was accepted")
	}
	if e.Evaluate(); e.Status() != evaluator.Unhealthy {
		t.Errorf("status %v after a fault", e.Status())
	}
	// Once a stop has begun nothing changes any more.
	e.Shutdown().Request(shutdown.Request{})
	if err := e.Apply(t.Context(), only(passing("first"))); !errors.Is(err, shutdown.ErrStopping) {
		t.Errorf("Apply during a stop: %v", err)
	}
	if e.Status() != evaluator.Stopping {
		t.Errorf("status %v during a stop", e.Status())
	}
}

func TestResources(t *testing.T) {
	e, err := New(Options{Settings: Settings{Disable: []string{"resource-health"}, Enable: []string{"disk-space"}, Disks: []collectors.Disk{{Path: t.TempDir()}}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.evaluator.Rules().Checks()); n != 1 {
		t.Errorf("%d rule checks, want disk-space alone", n)
	}
	// The default limits are those of the exporter.
	var s Settings
	o, err := s.defaultResources()
	if err != nil || o.Thresholds != (collectors.ResourceThresholds{CPU: 0.9, Memory: 0.85, Disk: 0.9, Inodes: 0.9}) || len(o.Disks) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// A rule that asks for a stop stops the program in mode exit, and in mode observe is only seen.
func TestAction(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.rules.yml")
	if err := os.WriteFile(file, []byte(`
groups:
  - name: own
    rules:
      - alert: OwnStop
        expr: max by (check_name) (ALERTS{action="", severity="critical", alertstate="firing", alertname!~"CheckStale|CheckNoData"})
        for: 1s
        labels: {action: shutdown, severity: info}
        annotations: {summary: enough}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, stops := range map[Mode]bool{Observe: false, Exit: true} {
		s := only(failing("db"))
		s.RuleFiles, s.Shutdown = []string{file}, Shutdown{Mode: mode, DrainDelay: -1}
		s.Checks[0].FailureThreshold = 1
		e, err := New(Options{Settings: s, EvaluationInterval: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		if !stops {
			e.eventually(t, "it was observed", func() bool { return e.Shutdown().State().Observed != nil })
			cancel()
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		cancel()
		asked := e.Shutdown().State().Request
		if stops && (asked == nil || asked.Cause != shutdown.CauseRule || asked.Rule != "OwnStop") || !stops && asked != nil {
			t.Errorf("mode %s: asked %+v", mode, asked)
		}
	}
}

func TestParts(t *testing.T) {
	broken := Part{"broken", func(context.Context) error { return errMeant }}
	stuck := make(chan struct{})
	defer close(stuck)
	e, err := New(Options{Settings: only(passing("first")), Parts: []Part{broken}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context()); !errors.Is(err, errMeant) || !strings.Contains(err.Error(), "run the broken: ") {
		t.Errorf("a part that fails: %v", err)
	}
	if err := e.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
	if names := e.Running(); len(names) > 0 {
		t.Errorf("%v still run", names)
	}
}

// The name of the exporter's own step is taken: Run says so and leaves nothing behind.
func TestStepOfTheSameName(t *testing.T) {
	e, err := New(Options{Settings: only(passing("first"))})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Shutdown().Register(shutdown.Component{Name: SelfComponent, Stop: func(context.Context) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	if err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), SelfComponent) {
		t.Errorf("Run: %v", err)
	}
}

// A part that does not end keeps a stop in order no longer than its bound.
func TestPartThatHangs(t *testing.T) {
	release := make(chan struct{})
	hangs := Part{"stuck", func(context.Context) error { <-release; return nil }}
	s := only(passing("first"))
	s.Shutdown = Shutdown{DrainDelay: -1, Timeout: 300 * time.Millisecond}
	e, err := New(Options{Settings: s, Parts: []Part{hangs}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- e.Run(t.Context()) }()
	e.Shutdown().Request(shutdown.Request{})
	late, ok := errors.AsType[*UnfinishedError](<-ended)
	if !ok || !slices.Equal(late.Parts, []string{"stuck"}) || late.Failure != nil {
		t.Errorf("%+v, %v", late, ok)
	}
	close(release)
	for len(e.Running()) > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestLoggers(t *testing.T) {
	var text bytes.Buffer
	kit := kitOf(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))
	level.Error(kit).Log("msg", "Failed", "err", errMeant, "n", 3)
	level.Debug(log.With(kit, "a", "b")).Log("msg", "Looked")
	for _, want := range []string{`level=ERROR msg=Failed err="this is meant" n=3`, "level=DEBUG msg=Looked a=b"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, text.String())
		}
	}
	own := log.NewNopLogger()
	if got := kitOf(SlogFromKit(own, slog.Default())); got != own {
		t.Errorf("a logger of go-kit comes back as %T", got)
	}
}

// A check that only this node confirms passes and is degraded; with a witness it is healthy, and cut off from it unhealthy.
func TestWitness(t *testing.T) {
	a, b := probetest.Link()
	checks := func(reader *probetest.Peer) []probes.Spec {
		bus, err := peer.NewPubSub(peer.PubSubOptions{Writer: a, Reader: reader, Topic: "health"})
		if err != nil {
			t.Fatal(err)
		}
		store, err := peer.NewStore(peer.StoreOptions{Writer: a, Reader: reader, Key: "/health/a"})
		if err != nil {
			t.Fatal(err)
		}
		specs := []probes.Spec{bus.Check("bus"), store.Check("store")}
		for i := range specs {
			specs[i].Interval, specs[i].Timeout, specs[i].FailureThreshold = 100*time.Millisecond, 100*time.Millisecond, 1
		}
		return specs
	}
	e := running(t, Options{Settings: only(checks(a)...)})
	probetest.Await(t, e.Status, evaluator.Degraded)
	e.eventually(t, "the message says why", func() bool {
		return strings.Contains(e.Summary().Message, "passed with no witness but this node")
	})
	if err := e.Apply(t.Context(), only(checks(b)...)); err != nil {
		t.Fatal(err)
	}
	probetest.Await(t, e.Status, evaluator.Healthy)
	a.Cut(true)
	probetest.Await(t, e.Status, evaluator.Unhealthy)
	a.Cut(false)
	probetest.Await(t, e.Status, evaluator.Healthy)
}
