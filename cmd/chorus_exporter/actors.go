package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log/level"
	oklog "github.com/oklog/run"
)

// stopTimeout bounds how long the parts may take to end when no orderly stop bounds it: one failed, or ctx ended.
const stopTimeout = 10 * time.Second

// run lets everything run until a stop was asked for and is done, ctx ends or a part fails; only the last is an error. It
// returns when all has ended; or else, with whole false, when the time for that is over or a second signal comes.
func (a *app) run(ctx context.Context, signals <-chan os.Signal) (whole bool, err error) {
	var group oklog.Group
	var parts parts
	add := func(name string, work func(context.Context) error) {
		ctx, interrupt := context.WithCancel(ctx)
		parts.began(name)
		group.Add(func() error {
			err := work(ctx)
			parts.ended(name, err)
			return err
		}, func(error) { interrupt() })
	}
	reload := make(chan struct{}, 1)
	add("reloader", func(ctx context.Context) error { return a.reloadOn(ctx, reload) })
	add("probes", a.runner.Run)
	add("resource collector", a.resources.Run)
	for name, work := range a.live.Load().swarm.parts() {
		add(name, work)
	}
	add("evaluator", a.evaluator.Run)
	add("web server", a.serveHTTP)
	if a.flags.probeAddress != "" {
		add("probe server", a.serveProbes)
	}
	if a.grpc != nil {
		add("gRPC server", a.serveGRPC)
	}
	add("systemd notifier", a.systemd.run)
	ending, end := context.WithCancel(ctx)
	defer end()
	group.Add(func() error { <-ending.Done(); return nil }, func(error) { end() })

	all, stopped := make(chan struct{}), make(chan struct{})
	if err := a.manager.Register(stopExporter(end, all, &parts)); err != nil {
		return false, err
	}
	steps, cut := context.WithCancel(ctx)
	defer cut()
	go func() {
		defer close(stopped)
		_ = a.manager.Run(steps) // what failed has been logged and counted
	}()
	go func() {
		defer close(all)
		_ = group.Run() // the error of the first part to end; parts have it
	}()
	if whole = a.await(ctx, all, stopped, ending.Done(), control{a, signals, reload}); whole {
		cut()
		<-stopped
	}
	if !whole {
		level.Error(a.logger).Log("msg", "Ending although parts have not ended: "+parts.String())
	}
	return whole, parts.failure()
}

// await obeys signals until all parts have ended and a stop that has begun is done, and no longer than it should. It says
// whether the parts have ended.
func (a *app) await(ctx context.Context, all, stopped, ending <-chan struct{}, c control) (whole bool) {
	var late <-chan time.Time // nothing is late before the end begins
	for {
		select {
		case <-all:
			if all, whole = nil, true; stopped == nil || a.manager.State().Request == nil {
				return true
			}
		case <-stopped:
			stopped = nil
			select {
			case <-all:
				return true
			default:
			}
			if whole || ctx.Err() == nil { // else there is no orderly stop, and the parts are still to end
				return whole
			}
		case <-ending:
			timer := time.NewTimer(stopTimeout)
			defer timer.Stop()
			ending, late = nil, timer.C
		case <-late:
			if !whole { // else a stop that has begun goes on, within its own bound
				return false
			}
		case s := <-c.signals:
			if !c.obey(s) {
				return false
			}
		}
	}
}

// parts are the names of what runs, and how what has ended did.
type parts struct {
	mu      sync.Mutex
	running map[string]bool
	failed  error
}

func (p *parts) began(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		p.running = map[string]bool{}
	}
	p.running[name] = true
}

func (p *parts) ended(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, name)
	if err != nil {
		p.failed = errors.Join(p.failed, fmt.Errorf("run the %s: %w", name, err))
	}
}

// failure joins the errors that parts have ended with.
func (p *parts) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// String lists what still runs.
func (p *parts) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(p.running)), ", ")
}
