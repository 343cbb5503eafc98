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

// stopTimeout bounds how long everything may take to end once the drain is over.
const stopTimeout = 10 * time.Second

// run lets everything run until a signal asks it to stop, ctx ends or a part fails; only the last is an error. It
// returns when all has ended; or else, with whole false, when stopTimeout is over or a second signal comes.
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
	inbox := make(chan struct{}, 1)
	control := control{app: a, signals: signals, reload: inbox, atOnce: make(chan struct{})}
	add("signal handler", control.obey)
	add("reloader", func(ctx context.Context) error { return a.reloadOn(ctx, inbox) })
	add("probes", a.runner.Run)
	add("resource collector", a.resources.Run)
	for name, work := range a.live.Load().swarm.parts() {
		add(name, work)
	}
	add("evaluator", a.evaluator.Run)
	add("web server", a.serveHTTP)
	stopping := make(chan struct{})
	group.Add(func() error { <-stopping; return nil }, func(error) { close(stopping) })

	all := make(chan struct{})
	go func() {
		defer close(all)
		_ = group.Run() // the error of the first part to end; parts have it
	}()
	whole = a.await(all, stopping, control, &parts)
	return whole, parts.failure()
}

// await waits for all parts to end, and no longer than it should. It says whether they have.
func (a *app) await(all, stopping <-chan struct{}, c control, parts *parts) bool {
	var late <-chan time.Time    // nothing is late before the stop begins,
	var signals <-chan os.Signal // and until then signals belong to the signal handler
	for {
		select {
		case <-all:
			return true
		case <-stopping:
			timer := time.NewTimer(stopTimeout)
			defer timer.Stop()
			stopping, late, signals = nil, timer.C, c.signals
		case <-late:
			level.Error(a.logger).Log("msg", "Ending although parts have not ended: "+parts.String())
			return false
		case <-c.atOnce:
			return false
		case s := <-signals:
			if c.isStop(s) {
				c.logAtOnce(s)
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
