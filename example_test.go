package chorus_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus"
	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes"
	"chorus/probes/peer"
	"chorus/probes/probetest"
	"chorus/probes/sql/sqlite"
)

// The least: a check, its verdict over HTTP, and the rules that ship with the exporter.
func Example() {
	e, err := chorus.New(chorus.Options{Settings: chorus.Settings{Disable: []string{"resource-health"}, Checks: []probes.Spec{{
		Name: "orders", Critical: true, Probe: probes.Func(func(context.Context) (probes.Result, error) {
			return probes.Result{Message: "12 orders waiting"}, nil
		}),
	}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go e.Run(ctx)

	server := httptest.NewServer(e.Handler()) // http.ListenAndServe(":8081", e.Handler())
	defer server.Close()
	await(e, evaluator.Healthy)
	fmt.Println(get(server.URL+"/health/ready"), e.Summary().Message)
	// Output: 200 All health checks passing
}

// A database whose file is missing is unhealthy, and says why.
func Example_database() {
	db, err := sqlite.New(sqlite.Options{DSN: "/nowhere/orders.db"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	e, err := chorus.New(chorus.Options{Settings: chorus.Settings{
		Checks: []probes.Spec{db.Check("orders-db")}, Disable: []string{"resource-health"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go e.Run(ctx)
	await(e, evaluator.Unhealthy)
	fmt.Println(e.Summary().Message)
	// Output: orders-db: the file does not exist
}

// pool is a part of a program with a state of its own: it is a probe, and forgets nothing between the runs.
type pool struct{ busy, size atomic.Int64 }

// Probe implements probes.Probe.
func (p *pool) Probe(context.Context) (probes.Result, error) {
	busy, size := p.busy.Load(), p.size.Load()
	if busy >= size {
		return probes.Result{}, fmt.Errorf("all %d workers are busy", size)
	}
	return probes.Result{Message: fmt.Sprintf("%d of %d workers are busy", busy, size)}, nil
}

// A probe with a state, registered while the exporter runs. One failure is forgiven, since it has passed before.
func Example_stateful() {
	e, err := chorus.New(chorus.Options{Settings: chorus.Settings{Disable: []string{"resource-health"}, Checks: []probes.Spec{{
		Name: "always", Probe: probes.Func(func(context.Context) (probes.Result, error) { return probes.Result{}, nil }),
	}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go e.Run(ctx)

	workers := &pool{}
	workers.size.Store(8)
	if err := e.Register(probes.Spec{Name: "workers", Interval: 50 * time.Millisecond, Timeout: 50 * time.Millisecond, Probe: workers}); err != nil {
		fmt.Println(err)
		return
	}
	await(e, evaluator.Healthy)
	workers.busy.Store(8)
	await(e, evaluator.Degraded)
	for r := range e.Results("workers") {
		fmt.Println(r.Healthy, r.Err)
		break
	}
	// Output: false all 8 workers are busy
}

// A metric of the program, and a rule file that judges it.
func Example_rule() {
	file := filepath.Join(os.TempDir(), "queue-example.rules.yml")
	defer os.Remove(file)
	os.WriteFile(file, []byte(`
groups:
  - name: queue
    rules:
      - alert: QueueTooLong
        expr: app_queue_length > 100
        labels: {check_name: queue, component: app, severity: critical}
        annotations: {summary: the queue is too long, ok: the queue is short}
`), 0o600)
	length := prometheus.NewGauge(prometheus.GaugeOpts{Name: "app_queue_length", Help: "Jobs that wait."})
	registry := prometheus.NewRegistry()
	registry.MustRegister(length)
	e, err := chorus.New(chorus.Options{Registry: registry, Settings: chorus.Settings{
		RuleFiles: []string{file}, Disable: []string{"resource-health"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go e.Run(ctx)
	await(e, evaluator.Healthy)
	length.Set(250)
	e.Evaluate() // else within evaluator.DefaultInterval
	await(e, evaluator.Unhealthy)
	fmt.Println(e.Summary().Message)
	// Output: queue: the queue is too long (250, limit 100)
}

// What a program has of a cluster: two members, each with its own connections. A message must get from one to the other.
func Example_members() {
	writer, reader := probetest.Link() // any type with SubscribeToTopic and PublishToTopic
	bus, err := peer.NewPubSub(peer.PubSubOptions{Writer: writer, Reader: reader, Topic: "health-check"})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := chorus.New(chorus.Options{Settings: chorus.Settings{
		Checks: []probes.Spec{bus.Check("bus")}, Disable: []string{"resource-health"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go e.Run(ctx)
	await(e, evaluator.Healthy)
	for r := range e.Results("bus") {
		fmt.Println(r.Message[:len("message arrived")])
		break
	}
	// Output: message arrived
}

// A stop in order: the program registers what it has to stop, and requests the stop when a signal comes. Load balancers see
// the node leave before anything stops.
func Example_shutdown() {
	e, err := chorus.New(chorus.Options{Settings: chorus.Settings{
		Disable: []string{"resource-health"}, Shutdown: chorus.Shutdown{DrainDelay: 20 * time.Millisecond},
		Checks: []probes.Spec{{Name: "orders", Probe: probes.Func(func(context.Context) (probes.Result, error) {
			return probes.Result{}, nil
		})}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(e.Handler())
	if err := e.Shutdown().Register(shutdown.Component{Name: "server", Stop: func(context.Context) error {
		fmt.Println(get(server.URL+"/health/ready"), "while it drains")
		server.Close() // server.Shutdown(ctx)
		return nil
	}}); err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- e.Run(context.Background()) }()
	await(e, evaluator.Healthy)
	e.Shutdown().Request(shutdown.Request{Cause: shutdown.CauseSignal, Reason: "SIGTERM"})
	fmt.Println(<-ended, e.Status())
	// Output:
	// 503 while it drains
	// <nil> stopping
}

// What is wrong with options is an error of New, not a surprise of Run.
func ExampleNew() {
	_, err := chorus.New(chorus.Options{Settings: chorus.Settings{Checks: []probes.Spec{{Name: "orders"}}}})
	fmt.Println(err)
	// Output: apply checks: check "orders": no probe: set Spec.Probe, or Spec.Disabled
}

// await waits for a verdict.
func await(e *chorus.Exporter, status evaluator.Status) {
	for e.Status() != status {
		time.Sleep(10 * time.Millisecond)
	}
}

func get(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
