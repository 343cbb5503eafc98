package main

import (
	"context"
	"errors"

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

// reloadNow puts what the files say now into force, all of it or, with an error that joins every fault, none. Whatever can
// fail happens before anything live is touched. The caller logs the error.
func (a *app) reloadNow(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	old := a.live.Load()
	next, err := a.flags.judge(old, a.logger)
	if err != nil {
		a.reloads.successful.Set(0)
		return err
	}
	settings, err := next.settings()
	if err == nil {
		err = a.exporter.Apply(ctx, settings, func() error {
			a.live.Store(next)
			return errors.Join(next.swarm.apply(next.config), next.swarm.applyFleet(next.config))
		})
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

// reloadOnRequest reloads at every request. It has a goroutine of its own, so that a file system that hangs keeps no signal
// from being heard.
func (a *app) reloadOnRequest(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.reload:
			if err := a.reloadNow(ctx); err != nil {
				level.Error(a.logger).Log("msg", "Reload failed; the previous configuration stays in force", "err", err)
			}
		}
	}
}
