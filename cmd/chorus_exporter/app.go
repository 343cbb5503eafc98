package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	promcollectors "github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"chorus/collectors"
	"chorus/docs/runbooks"
	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes"
	"chorus/rules"
	"chorus/web"
	grpchealth "chorus/web/grpc"
	"chorus/web/serve"
)

// app is the exporter, put together from its rooms and not yet running.
type app struct {
	flags     *flags
	logger    loggers
	registry  *prometheus.Registry // what is measured; what rules record stands in the evaluator's own
	runner    *probes.Runner
	resources *collectors.Resources
	policy    *rules.PolicyCollector
	evaluator *evaluator.Evaluator
	handler   *web.Handler
	grpc      *grpchealth.Server // nil without its flag
	manager   *shutdown.Manager
	systemd   *systemd
	reloads   reloadMetrics
	serverLog serve.Seldom // of what clients can cause
	listening func(net.Addr)

	signalled atomic.Bool // a signal to stop has come
	reloading sync.Mutex  // one reload at a time
	switching sync.Mutex  // a rule finds hooks and mode of one configuration
	live      atomic.Pointer[plan]
	closing   sync.WaitGroup // databases that a reload removed
}

// newApp builds everything a plan asks for. It starts nothing.
func newApp(f *flags, p *plan, logger loggers) (*app, error) {
	a := &app{
		flags: f, logger: logger, registry: prometheus.NewRegistry(), policy: rules.NewPolicyCollector(p.policy),
		systemd: newSystemd(logger), serverLog: serve.NewSeldom(logger.slog.Handler(), logInterval),
	}
	a.live.Store(p)
	p.swarm.tellFleet(a.fleetStatus)
	for _, step := range []func(*plan) error{
		a.addCollectors, a.addRunner, a.addResources, a.addEvaluator, a.addShutdown, a.addHandler, a.addGRPC,
	} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *app) addCollectors(p *plan) error {
	a.reloads = newReloadMetrics()
	all := append(ownCollectors(), p.swarm.collectors()...)
	for _, c := range append(all, a.policy, a.reloads.successful, a.reloads.lastSuccess) {
		if err := a.registry.Register(c); err != nil {
			return fmt.Errorf("register the exporter's own metrics: %w", err)
		}
	}
	a.reloads.succeeded()
	return nil
}

// ownCollectors measure the process itself.
func ownCollectors() []prometheus.Collector {
	return []prometheus.Collector{
		promcollectors.NewGoCollector(),
		promcollectors.NewProcessCollector(promcollectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector(program),
	}
}

func (a *app) addRunner(p *plan) (err error) {
	a.runner, err = probes.NewRunner(probes.RunnerOptions{
		Registerer:      a.registry,
		NodeID:          p.config.NodeID,
		MaxEntries:      p.config.History.MaxEntries,
		CleanupInterval: duration(&p.config.History.CleanupInterval),
		OnOutcome:       func(probes.Outcome) { a.evaluator.Trigger() },
		OnChange:        a.checksChanged,
		Logger:          a.logger,
	})
	if err != nil {
		return err
	}
	return a.runner.Apply(p.specs)
}

// checksChanged triggers an evaluation. While the app is built there is no evaluator yet, and a reload triggers one itself
// when all of it is in force: an evaluation in the middle would judge the new checks by the old rules.
func (a *app) checksChanged() {
	if a.evaluator == nil || !a.reloading.TryLock() {
		return
	}
	a.reloading.Unlock()
	a.evaluator.Trigger()
}

func (a *app) addResources(p *plan) (err error) {
	if a.resources, err = collectors.NewResources(p.resources); err != nil {
		return err
	}
	return a.measureResources(p.measured)
}

func (a *app) addEvaluator(p *plan) (err error) {
	a.evaluator, err = evaluator.New(evaluator.Options{
		Gatherer:       a.registry,
		Registerer:     a.registry,
		Rules:          p.rules,
		Interval:       duration(&p.config.EvaluationInterval),
		StartupTimeout: duration(&p.config.StartupTimeout),
		StallTimeout:   duration(&p.config.StallTimeout),
		MaxSeries:      p.config.MaxSeries,
		HistoryEntries: p.config.History.MaxEntries,
		Cause:          a.runner.Cause,
		RunbookBaseURL: p.config.RunbookBaseURL,
		OnSnapshot:     a.publish,
		OnAction:       a.act,
		Logger:         a.logger,
	})
	return err
}

func (a *app) addHandler(p *plan) error {
	pages, err := runbookPages()
	if err != nil {
		return err
	}
	a.handler, err = web.New(web.Options{
		Evaluator:       a.evaluator,
		Probes:          a.runner,
		Gatherers:       append(prometheus.Gatherers{a.registry, a.evaluator.Derived()}, p.swarm.gatherers()...),
		Registerer:      a.registry,
		NodeID:          p.config.NodeID,
		Version:         p.config.Version,
		TelemetryPath:   a.flags.telemetryPath,
		Runbooks:        pages,
		EnableLifecycle: a.flags.enableLifecycle,
		EnablePprof:     a.flags.enablePprof,
		Reload:          a.reload,
		Config:          func() []byte { return a.live.Load().shown },
		Shutdown:        a.manager,
		ShutdownMode:    a.mode,
		Logger:          a.logger,
	})
	return err
}

// runbookPages returns the pages about the shipped alerts as the handler serves them.
func runbookPages() (out []web.Runbook, err error) {
	pages, err := runbooks.Pages()
	for _, p := range pages {
		out = append(out, web.Runbook(p))
	}
	return out, err
}

// publish is told of every verdict.
func (a *app) publish(s *evaluator.Snapshot) {
	a.handler.Publish(s)
	if a.grpc != nil {
		a.grpc.Refresh()
	}
	a.systemd.evaluated(s)
	a.live.Load().swarm.changed()
}

// warn logs the warnings and notes of a plan.
func (a *app) warn(p *plan) {
	for _, w := range p.warnings {
		level.Warn(a.logger).Log("msg", w.about+" warning", "err", w.text)
	}
	for _, n := range p.notes {
		level.Info(a.logger).Log("msg", n.about+" note", "err", n.text)
	}
}

// close gives back what outlives a run. Databases are closed at last, when no probe asks them any more.
func (a *app) close() error {
	a.serverLog.Flush()
	a.closing.Wait()
	p := a.live.Load()
	return errors.Join(p.closeUnless(nil), p.swarm.close())
}
