package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	promcollectors "github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"chorus"
	"chorus/collectors"
	"chorus/docs/runbooks"
	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes/p2p"
	"chorus/web"
	grpchealth "chorus/web/grpc"
	"chorus/web/serve"
)

// app is the process: the exporter with its listeners, its configuration and its signals.
type app struct {
	flags     *flags
	logger    loggers
	exporter  *chorus.Exporter
	grpc      *grpchealth.Server // nil without its flag
	systemd   *systemd
	reloads   reloadMetrics
	serverLog serve.Seldom // of what clients can cause
	listening func(net.Addr)

	signalled atomic.Bool   // a signal to stop has come
	reload    chan struct{} // takes one request; more of them at once are one
	reloading sync.Mutex    // one reload at a time
	live      atomic.Pointer[plan]
	closing   sync.WaitGroup // databases that a reload removed
}

// newApp builds everything a plan asks for. It starts nothing.
func newApp(f *flags, p *plan, logger loggers) (*app, error) {
	a := &app{
		flags: f, logger: logger, reloads: newReloadMetrics(), systemd: newSystemd(logger), reload: make(chan struct{}, 1),
		serverLog: serve.NewSeldom(logger.slog.Handler(), logInterval),
	}
	a.live.Store(p)
	p.swarm.tellFleet(a.fleetStatus)
	o, err := a.options(p)
	if err != nil {
		return nil, err
	}
	if a.exporter, err = chorus.New(o); err != nil {
		return nil, err
	}
	if f.grpcAddress != "" {
		a.grpc, err = grpchealth.New(grpchealth.Options{Verdict: a.exporter.Handler().Serving, Logger: logger})
	}
	a.reloads.succeeded()
	return a, err
}

// options are what the exporter is made of.
func (a *app) options(p *plan) (o chorus.Options, err error) {
	registry := prometheus.NewRegistry()
	for _, c := range append(append(ownCollectors(), p.swarm.collectors()...), a.reloads.successful, a.reloads.lastSuccess) {
		if err := registry.Register(c); err != nil {
			return o, fmt.Errorf("register the exporter's own metrics: %w", err)
		}
	}
	pages, err := runbookPages()
	if err != nil {
		return o, err
	}
	settings, err := p.settings()
	return chorus.Options{
		Settings:           settings,
		NodeID:             p.config.NodeID,
		Version:            p.config.Version,
		EvaluationInterval: duration(&p.config.EvaluationInterval),
		StartupTimeout:     duration(&p.config.StartupTimeout),
		StallTimeout:       duration(&p.config.StallTimeout),
		MaxSeries:          p.config.MaxSeries,
		HistoryEntries:     p.config.History.MaxEntries,
		HistoryCleanup:     duration(&p.config.History.CleanupInterval),
		Registry:           registry,
		Gatherers:          p.swarm.gatherers(),
		Parts:              a.parts(p),
		OnSnapshot:         a.publish,
		OnStopping:         func(shutdown.Request) { a.systemd.stopping() },
		Web: chorus.Web{
			TelemetryPath:   a.flags.telemetryPath,
			Runbooks:        pages,
			EnableLifecycle: a.flags.enableLifecycle,
			EnablePprof:     a.flags.enablePprof,
			Reload:          a.reloadNow,
			Config:          func() []byte { return a.live.Load().shown },
		},
		Logger: chorus.SlogFromKit(a.logger, a.logger.slog),
	}, err
}

// parts are what runs beside the exporter.
func (a *app) parts(p *plan) []chorus.Part {
	parts := []chorus.Part{
		{Name: "reloader", Run: a.reloadOnRequest},
		{Name: "web server", Run: a.serveHTTP},
		{Name: "systemd notifier", Run: a.systemd.run},
	}
	for name, run := range p.swarm.parts() {
		parts = append(parts, chorus.Part{Name: name, Run: run})
	}
	if a.flags.probeAddress != "" {
		parts = append(parts, chorus.Part{Name: "probe server", Run: a.serveProbes})
	}
	if a.flags.grpcAddress != "" {
		parts = append(parts, chorus.Part{Name: "gRPC server", Run: a.serveGRPC})
	}
	return parts
}

// ownCollectors measure the process itself.
func ownCollectors() []prometheus.Collector {
	return []prometheus.Collector{
		promcollectors.NewGoCollector(),
		promcollectors.NewProcessCollector(promcollectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector(program),
	}
}

// settings are what a reload can change.
func (p *plan) settings() (chorus.Settings, error) {
	s := p.config.Shutdown
	hooks, err := s.components()
	resources := p.resources
	if !p.measured {
		resources = collectors.ResourcesOptions{Interval: p.resources.Interval, Logger: p.resources.Logger}
	}
	return chorus.Settings{
		Checks: p.specs, Rules: p.rules, Policy: p.policy, Resources: &resources, RunbookBaseURL: p.config.RunbookBaseURL,
		Shutdown: chorus.Shutdown{
			Mode:       chorus.Mode(s.Mode),
			DrainDelay: cmp.Or(time.Duration(s.DrainDelay), -1), // 0 would be a default
			Timeout:    time.Duration(s.Timeout),
			Hooks:      hooks,
		},
	}, err
}

// run lets everything run until a stop was asked for and is done, ctx ends or a part fails; only the last is an error. It
// returns when all has ended; or else, with whole false, when the time for that is over or a second signal comes.
func (a *app) run(ctx context.Context, signals <-chan os.Signal) (whole bool, err error) {
	ended := make(chan error, 1)
	go func() { ended <- a.exporter.Run(ctx) }()
	for {
		select {
		case err := <-ended:
			if late, ok := errors.AsType[*chorus.UnfinishedError](err); ok {
				level.Error(a.logger).Log("msg", "Ending although parts have not ended: "+strings.Join(late.Parts, ", "))
				return false, late.Failure
			}
			return true, err
		case s := <-signals:
			if !a.obey(s) {
				level.Error(a.logger).Log("msg", "Ending although parts have not ended: "+strings.Join(a.exporter.Running(), ", "))
				return false, nil
			}
		}
	}
}

// fleetStatus is what the other exporters are told.
func (a *app) fleetStatus() p2p.FleetStatus {
	status, wantsStop := a.exporter.Standing()
	return p2p.FleetStatus{Status: string(status), WantsStop: wantsStop}
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
