package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"chorus/evaluator/shutdown"
)

// process is what surrounds a run: the operating system, or a test.
type process struct {
	args           []string
	stdout, stderr io.Writer
	signals        <-chan os.Signal
	listening      func(net.Addr) // called for every listener that answers from now on; may be nil
}

// run is the whole life of the process; it returns the exit code when every goroutine it started has ended. The end of
// ctx ends it too, without a drain.
func run(ctx context.Context, p process) int {
	f, code, done := parseFlags(p.args, p.stdout, p.stderr)
	if done {
		return code
	}
	if f.configCheck {
		return checkConfig(f, p.stdout, p.stderr)
	}
	logger := newLoggers(p.stderr, &f.log)
	level.Info(logger).Log("msg", fmt.Sprintf("Starting %s %s", program, version.Info()))
	asked, err := runExporter(ctx, p, f, logger)
	byRule := asked != nil && asked.Cause == shutdown.CauseRule
	if err != nil {
		level.Error(logger).Log("msg", "Exiting after an error", "err", err)
		if !byRule {
			return exitError
		}
	}
	level.Info(logger).Log("msg", "Stopped")
	if byRule { // whoever starts it again should know
		return exitRule
	}
	return exitOK
}

// runExporter loads everything, runs it until a stop is asked for, and cleans up. It returns who asked; nil if nobody did.
func runExporter(ctx context.Context, p process, f *flags, logger loggers) (*shutdown.Request, error) {
	first, err := f.judge(nil, logger)
	if err != nil {
		return nil, err
	}
	if err := first.join(logger); err != nil {
		return nil, errors.Join(err, first.closeUnless(nil))
	}
	a, err := newApp(f, first, logger)
	if err != nil {
		return nil, errors.Join(err, first.closeUnless(nil), first.swarm.close())
	}
	a.listening = p.listening
	level.Info(logger).Log("msg", "Configuration loaded: "+first.summary())
	first.swarm.announce(logger)
	a.warn(first)
	whole, err := a.run(ctx, p.signals)
	asked := a.exporter.Shutdown().State().Request
	if !whole { // what still runs may use anything
		return asked, err
	}
	closing := within(a.closeTime(), p.signals, a.close)
	if errors.Is(closing, errUnclosed) { // like a part that does not end: it is told and changes no exit code
		level.Error(logger).Log("msg", "A database or a host hangs", "err", closing)
		return asked, err
	}
	return asked, errors.Join(err, closing)
}
