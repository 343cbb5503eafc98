package main

import (
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// program is the name of the binary.
const program = "chorus_exporter"

// Exit codes of the process. docs/flags.md has what is said here.
const (
	exitOK    = 0 // Stopped by a signal, or `--config.check` found no error.
	exitError = 1 // Could not start, or exited after an error; or `--config.check` found errors.
	exitUsage = 2 // Invalid command line.
	exitRule  = 3 // A rule asked for the shutdown.
)

// How much the listener for probes tells.
const (
	detailFull   = "full"   // everything
	detailStatus = "status" // the status alone
)

const about = `Health exporter: runs probes, judges metrics by Prometheus rules and serves the verdict over HTTP.

Signals: SIGHUP reloads the configuration and the rules; SIGINT and SIGTERM stop after a drain, a second one at once.
Exit codes: 0 after a signal or a --config.check without errors, 1 after an error, 2 for an invalid command line,
3 after a shutdown that a rule asked for.`

// flags are the command line.
type flags struct {
	configFile      string
	configCheck     bool
	configStrict    bool
	telemetryPath   string
	enableLifecycle bool
	enablePprof     bool
	probeAddress    string // "": no listener for probes
	probeDetail     string
	grpcAddress     string // "": no gRPC
	web             *toolkit.FlagConfig
	log             promslog.Config
}

// parseFlags reads the command line. done says that it asked for no more than a text, which has been printed, or that
// it was wrong; the process then ends with code.
func parseFlags(args []string, stdout, stderr io.Writer) (f *flags, code int, done bool) {
	f = &flags{}
	app := f.application()
	app.UsageWriter(stdout).ErrorWriter(stderr)
	app.Terminate(func(int) { done = true }) // --help and --version end here
	_, err := app.Parse(args)
	if err == nil && !done {
		err = f.check()
	}
	if err != nil && !done {
		fmt.Fprintf(stderr, "%s: error: %v; see %s --help\n", program, err, program)
		return f, exitUsage, true
	}
	return f, exitOK, done
}

// application is the command line that fills in f.
func (f *flags) application() *kingpin.Application {
	app := kingpin.New(program, about)
	app.HelpFlag.Short('h')
	app.Version(version.Print(program))
	app.Flag("config.file", "Configuration file. Without one the shipped defaults hold.").StringVar(&f.configFile)
	app.Flag("config.check", "Check the configuration and its rules, print every error and warning, and exit.").
		BoolVar(&f.configCheck)
	app.Flag("config.strict", "Treat warnings about the configuration and its rules as errors: at start, at a reload and "+
		"with --config.check.").BoolVar(&f.configStrict)
	f.web = kingpinflag.AddFlags(app, ":8081")
	app.Flag("web.telemetry-path", "Path under which to expose metrics.").
		Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.enable-lifecycle", "Allow a reload by POST /-/reload.").BoolVar(&f.enableLifecycle)
	app.Flag("web.enable-pprof", "Serve profiles under /debug/pprof/.").BoolVar(&f.enablePprof)
	app.Flag("web.probe-listen-address", "Address on which to answer the four health paths alone, without TLS and "+
		"authentication, such as :8082. None by default.").StringVar(&f.probeAddress)
	app.Flag("web.probe-detail", "How much --web.probe-listen-address tells: full or status.").
		Default(detailFull).EnumVar(&f.probeDetail, detailFull, detailStatus)
	app.Flag("grpc.listen-address", "Address on which to answer gRPC health checks, without TLS and authentication, "+
		"such as :8083. None by default.").StringVar(&f.grpcAddress)
	promslogflag.AddFlags(app, &f.log)
	return app
}
