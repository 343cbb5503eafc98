package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
)

// reloadMetrics say how the last reload went.
type reloadMetrics struct{ successful, lastSuccess prometheus.Gauge }

func newReloadMetrics() reloadMetrics {
	return reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chorus_config_last_reload_successful",
			Help: "Whether the last configuration reload attempt was successful (1) or not (0).",
		}),
		lastSuccess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "chorus_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration was last loaded successfully, as seconds since the epoch.",
		}),
	}
}

func (m reloadMetrics) succeeded() {
	m.successful.Set(1)
	m.lastSuccess.SetToCurrentTime()
}

// reload puts what the files say now into force, all of it or, with an error that joins every fault, none. Whatever can
// fail happens before anything live is touched. The caller logs the error.
func (a *app) reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	old := a.live.Load()
	next, err := a.flags.judge(old, a.logger)
	if err != nil {
		a.reloads.successful.Set(0)
		return err
	}
	// A disk that is added has a value by the time that its check speaks for it. The options were rehearsed.
	err = a.resources.Prime(ctx, next.resources)
	if err == nil {
		err = a.apply(next)
	}
	if err != nil {
		a.reloads.successful.Set(0)
		return errors.Join(err, next.closeUnless(old))
	}
	a.closing.Go(func() { // closing waits for queries that are under way
		if err := old.closeUnless(next); err != nil {
			level.Warn(a.logger).Log("msg", "A database that is no longer checked did not close cleanly", "err", err)
		}
	})
	a.reloads.succeeded()
	level.Info(a.logger).Log("msg", "Configuration reloaded: "+next.summary())
	a.warn(next)
	return nil
}

// apply puts a plan into force. Its parts have been rehearsed, so that only the first step could still refuse, and
// does that before it changes anything.
func (a *app) apply(p *plan) error {
	mode, err := a.switchTo(p)
	if err != nil {
		return err
	}
	if mode == modeObserve && p.config.Shutdown.Mode != modeObserve {
		defer a.evaluator.Rearm() // what fires has only been observed
	}
	a.policy.Set(p.policy)
	err = errors.Join(p.swarm.apply(p.config), p.swarm.applyFleet(p.config),
		a.resources.Apply(p.resources), a.measureResources(p.measured))
	if err != nil {
		return err
	}
	a.evaluator.SetRunbookBaseURL(p.config.RunbookBaseURL)
	a.evaluator.SetRules(p.rules)
	return nil
}

// switchTo makes the plan the live one, unless the stop has begun, and returns the shutdown mode until then.
func (a *app) switchTo(p *plan) (mode string, err error) {
	a.switching.Lock()
	defer a.switching.Unlock()
	if err := a.applyShutdown(p); err != nil {
		return "", err
	}
	if err := a.runner.Apply(p.specs); err != nil {
		return "", err
	}
	return a.live.Swap(p).config.Shutdown.Mode, nil
}

// measureResources exposes the resources of this machine, or no longer: a check that is off has no series.
func (a *app) measureResources(on bool) error {
	if !on {
		a.registry.Unregister(a.resources)
		return nil
	}
	err := a.registry.Register(a.resources)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok && known.ExistingCollector == a.resources {
		return nil
	}
	if err != nil {
		return fmt.Errorf("register the metrics of resources: %w", err)
	}
	return nil
}
