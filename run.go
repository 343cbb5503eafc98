package chorus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"chorus/evaluator/shutdown"
)

// StopTimeout bounds how long parts may take to end when no orderly stop bounds it: one of them failed, or ctx ended.
const StopTimeout = 10 * time.Second

// UnfinishedError says that Run returned although parts had not ended in time. They may still use anything.
type UnfinishedError struct {
	Parts   []string // what still runs
	Failure error    // of parts that have ended; nil if none failed
}

// Error implements error.
func (e *UnfinishedError) Error() string {
	return "these parts have not ended: " + strings.Join(e.Parts, ", ")
}

// Unwrap returns the failure.
func (e *UnfinishedError) Unwrap() error { return e.Failure }

// SelfComponent is the step of a stop that ends the exporter itself, the last one.
const SelfComponent = "exporter"

// Run lets everything run until a stop was asked for and is done, ctx ends, or a part fails; only the last is an error. It
// returns when all has ended, or an UnfinishedError when the time for that is over. For a stop in order, with a drain, ask
// Shutdown: the end of ctx skips it. It must be called once.
func (e *Exporter) Run(ctx context.Context) error {
	if e.ran.Swap(true) {
		return errors.New("run the exporter: Run was called twice")
	}
	running, end := context.WithCancel(ctx)
	defer end()
	all, stopped := make(chan struct{}), make(chan struct{})
	if err := e.manager.Register(e.lastStep(end, all)); err != nil {
		return err
	}
	var group sync.WaitGroup
	for _, p := range append([]Part{
		{"probes", e.runner.Run}, {"resource collector", e.resources.Run}, {"evaluator", e.evaluator.Run},
	}, e.opts.Parts...) {
		e.parts.began(p.Name)
		group.Go(func() {
			defer end() // without one of them nothing goes on
			e.parts.ended(p.Name, p.Run(running))
		})
	}
	steps, cut := context.WithCancel(ctx)
	defer cut()
	go func() {
		defer close(stopped)
		_ = e.manager.Run(steps) // what failed has been logged and counted
	}()
	go func() {
		defer close(all)
		group.Wait()
	}()
	if !e.await(ctx, all, stopped, running.Done()) {
		return &UnfinishedError{e.Running(), e.parts.failure()}
	}
	cut()
	<-stopped
	return e.parts.failure()
}

// Running lists the parts that have begun and not ended.
func (e *Exporter) Running() []string { return e.parts.names() }

// await waits until all parts have ended and a stop that has begun is done, and no longer than it should. It reports
// whether the parts have ended.
func (e *Exporter) await(ctx context.Context, all, stopped, ending <-chan struct{}) (whole bool) {
	var late <-chan time.Time // nothing is late before the end begins
	for {
		select {
		case <-all:
			if all, whole = nil, true; stopped == nil || e.manager.State().Request == nil {
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
			timer := time.NewTimer(StopTimeout)
			defer timer.Stop()
			ending, late = nil, timer.C
		case <-late:
			if !whole { // else a stop that has begun goes on, within its own bound
				return false
			}
		}
	}
}

// lastStep is the last step of a stop: it ends all parts and waits for them.
func (e *Exporter) lastStep(interrupt func(), all <-chan struct{}) shutdown.Component {
	return shutdown.Component{
		Name: SelfComponent, Phase: shutdown.PostShutdown, Priority: math.MinInt,
		Stop: func(ctx context.Context) error {
			interrupt()
			select {
			case <-all:
				return nil
			case <-ctx.Done():
				return &UnfinishedError{Parts: e.Running()}
			}
		},
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

// names lists what still runs.
func (p *parts) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.running))
}
