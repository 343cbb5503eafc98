package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"
)

const (
	program        = "devnet"
	defaultControl = "127.0.0.1:9700"
	timeFormat     = "2006-01-02T15:04:05.000Z07:00"
)

// Exit codes. With --exec that of the command counts, if it ends by itself.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // invalid command line
)

const about = `A swarm of real libp2p nodes on loopback, and the levers that break it.

"devnet up" runs the swarm; from another terminal the other commands look at it and pull its levers. Nodes are numbered
from 0. Nothing here listens on, dials or obeys anything but this machine.`

// action does what a subcommand stands for.
type action func(ctx context.Context, p process, logger log.Logger) error

// run is the whole program. It returns the exit code.
func run(ctx context.Context, p process) int {
	p.stdout, p.stderr = shared(p.stdout), shared(p.stderr)
	app := kingpin.New(program, about)
	app.HelpFlag.Short('h')
	app.Version(version.Print(program))
	app.UsageWriter(p.stdout).ErrorWriter(p.stderr)
	asked := false // for no more than a text, which has been printed
	app.Terminate(func(int) { asked = true })
	verbosity := app.Flag("log.level", "Least severity of what is logged to standard error: debug, info, warn or error.").
		Default("info").Enum("debug", "info", "warn", "error")

	actions := make(map[string]action)
	addUp(app, actions)
	addNode(app, actions)
	addLevers(app, actions)
	command, err := app.Parse(p.args)
	switch {
	case asked:
		return exitOK
	case err != nil:
		fmt.Fprintf(p.stderr, "%s: error: %v; see %s --help\n", program, err, program)
		return exitUsage
	}
	err = actions[command](ctx, p, newLogger(p.stderr, *verbosity))
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended) && ended.ExitCode() > 0:
		return ended.ExitCode()
	case ctx.Err() != nil && errors.Is(err, context.Canceled): // a signal while it started
		return exitOK
	case err != nil:
		fmt.Fprintf(p.stderr, "%s: error: %v\n", program, err)
		return exitError
	}
	return exitOK
}

// shared is w for the processes and goroutines that write to it. A file needs no more.
func shared(w io.Writer) io.Writer {
	if _, ok := w.(*os.File); ok {
		return w
	}
	return log.NewSyncWriter(w)
}

func newLogger(w io.Writer, verbosity string) log.Logger {
	logger := log.NewLogfmtLogger(log.NewSyncWriter(w)) // a line a write
	utc := func() time.Time { return time.Now().UTC() }
	logger = log.With(logger, "ts", log.TimestampFormat(utc, timeFormat), "caller", log.Caller(5))
	return level.NewFilter(logger, level.Allow(level.ParseDefault(verbosity, level.InfoValue())))
}
