package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes"
	"chorus/rules"
	"chorus/web"
)

// A whole embedding: a program that probes one of its dependencies, lets the shipped rules judge it, answers, and stops in
// order when a rule or a signal asks for it.
func Example() {
	database := probes.Func(func(context.Context) (probes.Result, error) {
		return probes.Result{Message: "query answered"}, nil // db.PingContext(ctx), say
	})
	registry := prometheus.NewRegistry() // what is measured: put your own collectors here
	registry.MustRegister(rules.NewPolicyCollector(rules.DefaultPolicy()))
	set := must(rules.Load(rules.Options{
		Components: []string{"database"}, Probes: []string{"database-connectivity"}, Actions: []string{"shutdown"},
	}))

	var handler *web.Handler
	var stop *shutdown.Manager
	var runner *probes.Runner
	verdicts := must(evaluator.New(evaluator.Options{
		Gatherer: registry, Registerer: registry, Rules: set,
		Cause:      func(check string, notAfter time.Time) (string, bool) { return runner.Cause(check, notAfter) },
		OnSnapshot: func(s *evaluator.Snapshot) { handler.Publish(s) },
		OnAction: func(_ context.Context, a evaluator.Action) {
			stop.Request(shutdown.Request{Cause: shutdown.CauseRule, Reason: a.Alert.Summary, Check: a.Alert.Check})
		},
	}))
	stop = must(shutdown.New(shutdown.Options{
		DrainDelay: 10 * time.Millisecond, Registerer: registry,
		OnStopping: func(shutdown.Request) { verdicts.Stopping() },
		OnChange:   func(shutdown.State) { handler.Refresh() },
	}))
	runner = must(probes.NewRunner(probes.RunnerOptions{
		Registerer: registry,
		OnOutcome:  func(probes.Outcome) { verdicts.Trigger() },
		OnChange:   verdicts.Trigger,
	}))
	if err := runner.Register(probes.Spec{
		Name: "database-connectivity", Component: "database", Critical: true, FailureThreshold: 1, Probe: database,
	}); err != nil {
		panic(err)
	}
	handler = must(web.New(web.Options{
		Evaluator: verdicts, Probes: runner, Gatherers: prometheus.Gatherers{registry, verdicts.Derived()}, Shutdown: stop,
	}))

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { runner.Run(ctx) })
	running.Go(func() { verdicts.Run(ctx) })
	server := httptest.NewServer(handler) // http.ListenAndServe(":8081", handler)

	for get(server.URL+"/-/ready") != http.StatusOK || get(server.URL+"/health") != http.StatusOK {
		time.Sleep(10 * time.Millisecond) // the first run comes within 3 seconds
	}
	fmt.Println(verdicts.Snapshot().Status, verdicts.Snapshot().Message)

	if err := stop.Register(shutdown.Component{Name: "server", Stop: func(context.Context) error {
		fmt.Println(get(server.URL+"/health/ready"), "while it drains")
		server.Close() // server.Shutdown(ctx)
		return nil
	}}); err != nil {
		panic(err)
	}
	stop.Request(shutdown.Request{Cause: shutdown.CauseSignal, Reason: "SIGTERM"})
	stop.Run(ctx)
	cancel()
	running.Wait()
	// Output:
	// healthy All health checks passing
	// 503 while it drains
}

func get(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
