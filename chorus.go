// Package chorus is the exporter as a value, for programs that embed it: probes and metrics, judged by Prometheus rule
// files in the program itself, and answered over HTTP.
//
//	e, err := chorus.New(chorus.Options{Settings: chorus.Settings{Checks: []probes.Spec{{
//		Name: "orders", Critical: true, Probe: probes.Func(queryOrders),
//	}}}})
//	…
//	go e.Run(ctx)
//	http.ListenAndServe(":8081", e.Handler())
//
// The zero Options watch this machine, as the exporter does without a configuration. The package links neither libp2p nor a
// database driver nor gRPC: chorus/probes/sql/postgres, chorus/probes/p2p and chorus/web/grpc bring them to those who need
// them.
package chorus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"

	"chorus/collectors"
	"chorus/evaluator"
	"chorus/evaluator/shutdown"
	"chorus/probes"
	"chorus/rules"
	"chorus/web"
)

// Options are what an Exporter is made of. Every field may be left out.
type Options struct {
	Settings // what Apply can change later

	NodeID  string // who this is, in /health; default: the hostname
	Version string // what runs here, in /health; default: the version that the exporter was built with

	EvaluationInterval time.Duration // default evaluator.DefaultInterval
	StartupTimeout     time.Duration // default evaluator.DefaultStartupTimeout
	StallTimeout       time.Duration // default evaluator.DefaultStallTimeout
	MaxSeries          int           // default evaluator.DefaultMaxSeries
	HistoryEntries     int           // results kept of each check; default evaluator.DefaultHistoryEntries
	HistoryCleanup     time.Duration // how often results of checks that are gone are dropped; default probes.DefaultCleanupInterval

	// Registry is where everything measured is registered, and what the rules read: the place for metrics of the program
	// that rules judge. Default: a new one.
	Registry *prometheus.Registry
	// Gatherers are shown on /metrics beside that. No rule reads them.
	Gatherers prometheus.Gatherers
	// Parts run as long as the exporter does.
	Parts []Part

	// OnChange is called with every verdict whose status differs from the one before, in the evaluator's goroutine. It must
	// return soon.
	OnChange func(*evaluator.Snapshot)
	// OnSnapshot is called with every verdict, in the evaluator's goroutine. It must return at once.
	OnSnapshot func(*evaluator.Snapshot)
	// OnStopping is called once, when an orderly stop begins, before the status turns to stopping. It must return at once.
	OnStopping func(shutdown.Request)

	Web    Web
	Logger *slog.Logger // default: none. One made by SlogFromKit is taken apart again
}

// Part is something that runs beside the rest: Run returns soon after ctx is done. An error, or an early end, ends the
// exporter.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// Web are the options of the handler.
type Web struct {
	TelemetryPath   string // default /metrics
	Runbooks        []web.Runbook
	EnableLifecycle bool                        // serve POST /-/reload, which needs Reload
	EnablePprof     bool                        // serve /debug/pprof/
	Reload          func(context.Context) error // all or nothing
	Config          func() []byte               // the configuration in force as YAML, secrets redacted; nil: /config is 404
}

// Exporter is a running exporter, or one about to run. All methods are safe for concurrent use.
type Exporter struct {
	opts      Options
	logger    log.Logger
	registry  *prometheus.Registry
	runner    *probes.Runner
	resources *collectors.Resources
	policy    *rules.PolicyCollector
	evaluator *evaluator.Evaluator
	handler   *web.Handler
	manager   *shutdown.Manager

	changing  sync.Mutex // one change of settings at a time; guards what follows
	settings  Settings
	switching sync.Mutex // an action finds hooks and mode of one configuration
	mode      atomic.Pointer[Mode]
	ready     atomic.Bool // New has returned
	quiet     atomic.Bool // a change of settings is under way, which triggers an evaluation at its end
	ran       atomic.Bool
	parts     parts
	told      evaluator.Status // of the newest verdict; only publish touches it
}

// New checks the options and puts the exporter together. It starts nothing: Run does. The error joins everything that is
// wrong.
func New(o Options) (*Exporter, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	ready, err := o.Settings.prepare(o.MaxSeries, nil)
	if err != nil {
		return nil, err
	}
	e := &Exporter{
		opts: o, logger: kitOf(o.Logger), registry: o.Registry, settings: o.Settings,
		policy: rules.NewPolicyCollector(ready.policy), told: evaluator.Starting,
	}
	e.mode.Store(&o.Shutdown.Mode)
	for _, step := range []func(prepared) error{
		e.addCollectors, e.addRunner, e.addResources, e.addEvaluator, e.addShutdown, e.addHandler,
	} {
		if err := step(ready); err != nil {
			return nil, err
		}
	}
	e.ready.Store(true)
	return e, nil
}

// complete fills in the defaults that no package below has.
func (o *Options) complete() error {
	if o.NodeID == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("find the hostname, which is the default of NodeID: %w", err)
		}
		o.NodeID = host
	}
	if o.Version == "" {
		o.Version = version.Version
	}
	if o.Version == "" { // built without a version
		o.Version = "unknown"
	}
	if o.MaxSeries == 0 {
		o.MaxSeries = evaluator.DefaultMaxSeries
	}
	if o.EvaluationInterval == 0 {
		o.EvaluationInterval = evaluator.DefaultInterval
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	for _, p := range o.Parts {
		if p.Name == "" || p.Run == nil {
			return errors.New("Options.Parts: a part needs a Name and a Run")
		}
	}
	return nil
}

func (e *Exporter) addCollectors(prepared) error {
	if err := e.registry.Register(e.policy); err != nil {
		return fmt.Errorf("register the thresholds: %w", err)
	}
	return nil
}

func (e *Exporter) addRunner(p prepared) (err error) {
	e.runner, err = probes.NewRunner(probes.RunnerOptions{
		Registerer:      e.registry,
		NodeID:          e.opts.NodeID,
		MaxEntries:      e.opts.HistoryEntries,
		CleanupInterval: e.opts.HistoryCleanup,
		OnOutcome:       func(probes.Outcome) { e.evaluator.Trigger() },
		OnChange:        e.checksChanged,
		Logger:          e.logger,
	})
	if err != nil {
		return err
	}
	return e.runner.Apply(p.checks)
}

// checksChanged triggers an evaluation. While the exporter is put together there is no evaluator yet, and Apply triggers one
// itself when all of it is in force: an evaluation in the middle would judge the new checks by the old rules.
func (e *Exporter) checksChanged() {
	if e.ready.Load() && !e.quiet.Load() {
		e.evaluator.Trigger()
	}
}

func (e *Exporter) addResources(p prepared) (err error) {
	if e.resources, err = collectors.NewResources(p.resources); err != nil {
		return err
	}
	return e.exposeResources(p.measured())
}

func (e *Exporter) addEvaluator(p prepared) (err error) {
	e.evaluator, err = evaluator.New(evaluator.Options{
		Gatherer:       e.registry,
		Registerer:     e.registry,
		Rules:          p.rules,
		Interval:       e.opts.EvaluationInterval,
		StartupTimeout: e.opts.StartupTimeout,
		StallTimeout:   e.opts.StallTimeout,
		MaxSeries:      e.opts.MaxSeries,
		HistoryEntries: e.opts.HistoryEntries,
		Cause:          e.runner.Cause,
		RunbookBaseURL: e.settings.RunbookBaseURL,
		OnSnapshot:     e.publish,
		OnAction:       e.act,
		Logger:         e.logger,
	})
	return err
}

func (e *Exporter) addHandler(prepared) (err error) {
	o := e.opts.Web
	e.handler, err = web.New(web.Options{
		Evaluator:       e.evaluator,
		Probes:          e.runner,
		Gatherers:       append(prometheus.Gatherers{e.registry, e.evaluator.Derived()}, e.opts.Gatherers...),
		Registerer:      e.registry,
		NodeID:          e.opts.NodeID,
		Version:         e.opts.Version,
		TelemetryPath:   o.TelemetryPath,
		Runbooks:        o.Runbooks,
		EnableLifecycle: o.EnableLifecycle,
		EnablePprof:     o.EnablePprof,
		Reload:          o.Reload,
		Config:          o.Config,
		Shutdown:        e.manager,
		ShutdownMode:    func() string { return string(e.Mode()) },
		Logger:          e.logger,
	})
	return err
}

// publish is told of every verdict.
func (e *Exporter) publish(s *evaluator.Snapshot) {
	before := e.told
	e.told = s.Status
	e.handler.Publish(s)
	if e.opts.OnSnapshot != nil {
		e.opts.OnSnapshot(s)
	}
	if e.opts.OnChange != nil && before != s.Status {
		e.opts.OnChange(s)
	}
}

// Handler answers every path of the exporter.
func (e *Exporter) Handler() *web.Handler { return e.handler }

// Registry is Options.Registry.
func (e *Exporter) Registry() *prometheus.Registry { return e.registry }

// Shutdown is what stops in order: programs register what they have to stop, and request the stop.
func (e *Exporter) Shutdown() *shutdown.Manager { return e.manager }
